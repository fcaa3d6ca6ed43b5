"""Configuration of the documentation site. ``make docs`` builds it; what is in ``generated`` is made just before."""

from boltspec.rules import BOLT_COMMIT

project = "boltspec"
author = "the boltspec authors"
copyright = "the boltspec authors, MIT licence"  # noqa: A001  # Sphinx wants this name
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

html_theme = "furo"
html_title = "boltspec"
html_static_path = ["_static"]
html_css_files = ["boltspec.css"]
html_show_sphinx = False
html_copy_source = False

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "substitution"]
myst_substitutions = {"bolt_commit": BOLT_COMMIT[:12]}
myst_heading_anchors = 3

autodoc_member_order = "bysource"
# Quantities are plain integers at run time; the pages show them by the names that the type checker knows.
autodoc_type_aliases = {name: name for name in ("Msat", "Sat", "Blocks", "Height", "FeeratePerKw")}
toc_object_entries = False
# Annotations are looked up by their bare names, and a few classes of different packages share one.
suppress_warnings = ["ref.python"]
