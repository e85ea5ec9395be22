"""The style of the report: one sheet, light and dark, phone and paper. Colours are tested for contrast."""

from __future__ import annotations

from reconciler.views.curve_svg import PALETTE, RULES

LIGHT = "--card:#f6f8fa;--line:#d0d7de;--link:#0b5cad;--good:#12612f;--warn:#7a4a00;--bad:#a40e26;"
DARK = "--card:#1a2028;--line:#39414b;--link:#74b9ff;--good:#63d68d;--warn:#f0b64d;--bad:#ff8f8a;"
"""Beside the colours of curves: each text colour is readable on paper and on a card (WCAG 2.2 AA, 4.5 : 1)."""

SHEET = (
    f":root{{color-scheme:light dark;{PALETTE[0]}{LIGHT}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{PALETTE[1]}{DARK}}}}}"
    + RULES
    + """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
header,main,footer{max-width:70rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem;line-height:1.2;margin:.2rem 0}
h2{font-size:1.2rem;margin:2rem 0 .6rem}
h3{font-size:1rem;margin:1.2rem 0 .4rem}
p{margin:.4rem 0}
a{color:var(--link)}
a:focus-visible,summary:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:4px}
.skip{position:absolute;left:-999rem;background:var(--paper);padding:.5rem 1rem;z-index:1}
.skip:focus{left:.5rem;top:.5rem}
.faint{color:var(--faint)}
code,.mono{font:.9em ui-monospace,SFMono-Regular,Menlo,monospace}
.tiles{display:flex;flex-wrap:wrap;gap:.6rem;margin:1rem 0;padding:0;list-style:none}
.tiles li{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.5rem .9rem;min-width:6.5rem}
.tiles b{display:block;font-size:1.35rem;line-height:1.2}
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}
.badge{border:1px solid currentColor;border-radius:999px;padding:.05rem .55rem;font-size:.85rem;white-space:nowrap}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid var(--line)}
th{font-size:.85rem;color:var(--faint);font-weight:600}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
details.model{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:.7rem 0;padding:0 1rem}
details.model>summary{cursor:pointer;padding:.7rem 0;display:flex;flex-wrap:wrap;gap:.3rem .8rem;align-items:baseline}
details.model>summary::before{content:"+";font-weight:700;width:1ch}
details.model[open]>summary::before{content:"\\2212"}
details.model>summary::-webkit-details-marker{display:none}
details.model>summary h3{margin:0;font-size:1.05rem}
details.model>div{padding-bottom:1rem}
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.2rem 1rem;margin:.6rem 0}
dt{color:var(--faint)}dd{margin:0}
figure{margin:.8rem 0}figure svg{width:100%;height:auto;display:block;max-width:52rem}
figcaption ul{list-style:none;padding:0;margin:.3rem 0}
figcaption svg{width:34px;height:8px;display:inline-block;vertical-align:middle;margin-right:.5rem}
ul.plain,ol.past{padding-left:1.2rem;margin:.3rem 0}
ol.past{list-style:none;padding-left:0}
ol.past li{border-left:3px solid var(--line);padding:.1rem 0 .4rem .8rem}
footer{color:var(--faint);border-top:1px solid var(--line);margin-top:2rem}
@media (max-width:44rem){
table,tbody,tr,td{display:block}thead{position:absolute;left:-999rem}
tr{border:1px solid var(--line);border-radius:8px;margin:.5rem 0;padding:.3rem .7rem}
td,td.n{border:0;padding:.12rem 0;text-align:left}
td[data-head]::before{content:attr(data-head) ": ";color:var(--faint)}td:empty{display:none}
dl{grid-template-columns:1fr}dt{margin-top:.3rem}
.tick{font-size:20px}
}
@media print{
.skip{display:none}body{font-size:11pt}details.model{border:0;padding:0;break-inside:avoid-page}
details::details-content{content-visibility:visible;block-size:auto}a{color:inherit}
}
"""
)
