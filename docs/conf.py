# SPDX-License-Identifier: MIT
"""The documents as a site: `sphinx-build -W --keep-going docs out/site` (extra `docs`).

The map of the site is _toc.yml; notebooks are executed by every build.
"""

from crowdcharge import __version__

project = "crowdcharge"
copyright = "the crowdcharge authors, MIT licence"  # noqa: A001 - the generator's own name
version = release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_external_toc"]
html_theme = "furo"
html_title = "crowdcharge"
external_toc_path = "_toc.yml"
myst_heading_anchors = 4  # links to headings, as they work in a viewer of the repository
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 600
nb_merge_streams = True
nb_execution_raise_on_error = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # nothing is fetched from elsewhere
