"""How every page is made from its template."""

import jinja2


def page_environment() -> jinja2.Environment:
    """The templates of the report room: escaped, and with an error for a name that is not given."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("l1ae.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
