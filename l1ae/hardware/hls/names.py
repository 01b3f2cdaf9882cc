"""Names that are safe in C++: unchanged where they are, and unique among everything that hls4ml calls after them."""

import errno
import re
from collections.abc import Iterable

IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WORDS = """
alignas alignof and asm auto bool break case catch char class const constexpr continue decltype default
defines delete do double else enum explicit export extern false float for friend goto if inline int long main
mutable namespace new nnet noexcept not nullptr operator or parameters private protected public register
return short signed sizeof static std struct switch template this throw true try typedef typeid typename union
unsigned using virtual void volatile weights while xor BUFSIZ EOF INFINITY NAN NULL RAND_MAX stderr stdin
stdout
"""
#: Names that C++, its macros or the emitted files use themselves.
RESERVED = frozenset(_WORDS.split())
_TYPES = """
bias char16 char32 clock div errno error fpos index input ldiv lldiv max_align mbstate off ptrdiff result
rsize size ssize time wchar weight wint
"""
#: Layers lend their names to types such as `code_t` and `code_accum_t`; these types exist already. hls4ml calls what
#: leads to every input port `input`.
_RESERVED_LAYERS = frozenset(_TYPES.split())
_NUMBERED = re.compile(r"u?int(_fast|_least)?\d+|u?int(ptr|max)|input\d+|[wbs]\d+|layer\d+.*|config\d+")
_GLOBALS = """
AESL_std BIAS CSIGNAL CTOR FILE INLINE MAX MAXFLOAT MIN NFDBITS P_tmpdir STRINGIFY WCONTINUED WEOF WEXITED WEXITSTATUS
WIFCONTINUED WIFEXITED WIFSIGNALED WIFSTOPPED WNOHANG WNOWAIT WSTOPPED WSTOPSIG WTERMSIG WUNTRACED abi alloca argc argv
assert assert_perror at const_cast daylight dynamic_cast errno event expected fd_mask fd_set found fpclassify
getdate_err i in math_errhandling offsetof program_invocation_name program_invocation_short_name reinterpret_cast
results retval scores signbit signgam ssdm_int_sim static_assert static_cast strdupa strndupa timezone tzname u_char
u_int u_long u_short uint ulong ushort va_list valtype words wrong
"""
#: What a top function cannot be called: types, variables and macros of the headers of C, C++ and HLS, and variables of
#: the test bench that calls it. Functions of C are none of these, since C++ overloads them.
_NO_FUNCTIONS = frozenset(_GLOBALS.split()) | frozenset(errno.errorcode.values())
_NO_FUNCTION = re.compile(
    r"\w+_t|(ap|af|hls|pthread|cookie)_\w+|hls|[A-Z][A-Z0-9]*_[A-Z0-9_]+|(FP|M|L)_\w+|SNAN\w*|(be|le)\d+toh|hto[bl]e\d+"
    r"|is(x?digit|finite|inf|nan|(sub)?normal|unordered|(less|greater)(equal)?|lessgreater)"
    r"|[wbs]\d+|config\d+|layer\d+_\w+|(in|out)_\d+"
)
#: What hls4ml appends to the name of a layer.
_ENDINGS = ("", "_t", "_ap", "_accum_t", "_bias_t", "_default_t", "_index_t", "_result_t", "_table_t", "_weight_t")
_LENGTH = 100


def is_identifier(name: object) -> bool:
    """Can a project, and with it the top function, have this name?"""
    if not isinstance(name, str) or not IDENTIFIER.fullmatch(name):
        return False
    return name not in RESERVED and name not in _NO_FUNCTIONS and not _NO_FUNCTION.fullmatch(name)


class Names:
    """Hands out names that differ from each other, and from those `taken`, in more than upper and lower case."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {name.lower() for name in taken}

    def add(self, name: str) -> str:
        """`name` itself where it can be a name in C++ and is free, otherwise the nearest one that is."""
        safe = name
        if not IDENTIFIER.fullmatch(safe) or "__" in safe or safe.endswith("_") or len(safe) > _LENGTH:
            safe = re.sub(r"[^A-Za-z0-9]+", "_", safe)[:_LENGTH].strip("_")
        if not IDENTIFIER.fullmatch(safe) or safe in RESERVED or safe in _RESERVED_LAYERS or _NUMBERED.fullmatch(safe):
            safe = f"layer_{safe}".rstrip("_")
        count, found = 1, safe
        while not self._taken.isdisjoint(_family(found)):
            count += 1
            found = f"{safe}_{count}"
        self._taken.update(_family(found))
        return found


def _family(name: str) -> set[str]:
    return {name.lower() + ending for ending in _ENDINGS}
