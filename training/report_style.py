"""The style sheet of the evaluation page: light and dark by the reader's setting, one column on a phone."""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--paper:#fff;--panel:#f5f7f9;--line:#d5dbe2;
--precision:#0b63c5;--recall:#c2410c;--good:21 128 61;--bad:194 65 12;--true:#15803d;--seen:#c2410c}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b5;--paper:#12161c;--panel:#1b212a;--line:#333d4a;
--precision:#6db3ff;--recall:#ff9a5c;--good:74 222 128;--bad:255 154 92}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:1.2rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif}
h1{font-size:1.45rem;line-height:1.25;margin:0}h2{font-size:1.25rem;margin:2.5rem 0 .6rem;padding-top:.6rem;
border-top:2px solid var(--line)}h3{font-size:1rem;margin:1.8rem 0 .5rem}p{margin:.3rem 0}
small,.legend,footer,figcaption,dt{color:var(--soft)}small{font-size:.82em;font-weight:400}
nav{margin:.3rem 0 1rem}nav a{color:var(--precision);margin-right:1rem}
summary{cursor:pointer;font-weight:600}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.5rem 0}dd{margin:0;overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(13.5rem,1fr));gap:.7rem}
.cards div{background:var(--panel);border-radius:.5rem;padding:.6rem .8rem;font-size:.88rem}
.cards b{display:block;font-size:1.15rem;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;max-width:100%}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{border-bottom:1px solid var(--line);padding:.28rem .7rem;text-align:right;vertical-align:top;white-space:nowrap}
th{color:var(--soft);font-weight:600;font-size:.85rem;vertical-align:bottom}
td:first-child,th:first-child{text-align:left;position:sticky;left:0;background:var(--paper)}
.heat td,.heat th{padding:.2rem .45rem;font-size:.82rem}.heat th.up{height:7.5rem;vertical-align:bottom;padding:.2rem}
.heat th.up span{writing-mode:vertical-rl;transform:rotate(180deg)}.heat td{text-align:center;min-width:2.2rem}
.heat td.good{background:rgb(var(--good)/calc(.1 + .5*var(--share)))}
.heat td.bad{background:rgb(var(--bad)/calc(.06 + .5*var(--share)))}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(22rem,1fr));gap:.8rem;align-items:start}
figure{margin:0}.chart{background:var(--panel);border-radius:.5rem;padding:.5rem}
.chart>div{display:grid;grid-template-columns:1fr 1fr;gap:.3rem}.chart svg{width:100%;display:block}
.chart figcaption{font-size:.85rem;margin:0 .2rem .2rem;overflow-wrap:anywhere}
.beside{display:flex;flex-wrap:wrap;gap:.8rem;align-items:start}.chart.single{flex:0 1 22rem}
.chart text{font:11px system-ui,sans-serif;fill:var(--soft)}.grid{stroke:var(--line);fill:none}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}.line.precision,.line.raw{stroke:var(--precision)}
.line.recall,.line.cal{stroke:var(--recall)}.line.pr{stroke:var(--ink)}.even{stroke:var(--soft);stroke-dasharray:3 3;fill:none}
.mark{stroke:var(--soft);stroke-dasharray:4 3;fill:none}circle{stroke:var(--panel)}
circle.precision,circle.raw{fill:var(--precision)}circle.recall,circle.cal{fill:var(--recall)}circle.pr{fill:var(--ink)}
.legend{font-size:.85rem}.legend i{display:inline-block;width:1.1em;height:0;border-top:3px solid;margin:0 .35em .25em .8em}
.legend i:first-child{margin-left:0}i.precision,i.raw{border-color:var(--precision)}i.recall,i.cal{border-color:var(--recall)}
i.mark{border-top-style:dashed;border-color:var(--soft)}i.true{border-color:var(--true);border-top-style:dashed}
i.seen{border-color:var(--seen)}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.8rem;align-items:start}
.gallery svg{width:100%;display:block;border-radius:.4rem}.gallery figcaption{font-size:.82rem;overflow-wrap:anywhere}
.gallery figcaption b{color:var(--ink)}
rect.true,rect.seen{fill:none;stroke-width:2.5}rect.true{stroke:#22c55e;stroke-dasharray:7 4}rect.seen{stroke:#ff7a1a}
.gallery text{font:600 12px system-ui,sans-serif;paint-order:stroke;stroke:#000c;stroke-width:3px}
text.true{fill:#86efac}text.seen{fill:#ffc999}
footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:.8rem;font-size:.85rem}
@media(max-width:40rem){body{padding:.8rem}.charts{grid-template-columns:minmax(0,1fr)}.gallery{grid-template-columns:repeat(2,minmax(0,1fr))}
dl{grid-template-columns:1fr}dt{margin-top:.3rem}.cards{grid-template-columns:1fr 1fr}}
@media print{figure{break-inside:avoid}}
"""
