"""How policies hang together, as a picture: who depends on whom, which rules never decide, what is compiled of them.

`model` is what is drawn, `choosing` a part of it; `svg`, `dot` and `mermaid` draw, and `document` is for programs. What
users named is text in all of them, never markup.
"""
