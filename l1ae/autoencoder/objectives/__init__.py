"""What training minimises: one small file per objective, each with its formula and source."""
