"""Pages of a few lines, for people who open an address of the API in a browser. They need no script and no reading room."""

from html import escape

from starlette.responses import HTMLResponse, Response

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{root}/docs/style.css">
</head>
<body class="small">
<main>
<h1>{title}</h1>
{paragraphs}
<ul lang="en">
{links}
</ul>
</main>
</body>
</html>
"""


def small_page(
    title: str, paragraphs: list[str], links: list[tuple[str, str]], *, root: str, language: str = "en"
) -> Response:
    """Return a page with a heading, paragraphs and links (address, words); all are plain text and are escaped here."""
    page = _PAGE.format(
        language=escape(language),
        root=escape(root),
        title=escape(title),
        paragraphs="\n".join(f"<p>{escape(each)}</p>" for each in paragraphs),
        links="\n".join(f'<li><a href="{escape(address)}">{escape(words)}</a></li>' for address, words in links),
    )
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache", "Vary": "Accept"}
    return HTMLResponse(page, headers=headers)
