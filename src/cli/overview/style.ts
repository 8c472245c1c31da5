/** How pages look, in light and in dark: no colour stands alone for anything, and all of it fits 390 pixels. */
export const STYLE = `:root {
  color-scheme: light dark;
  --bg: #f6f8fa; --card: #fff; --line: #dfe4ea; --soft: #eef2f5;
  --text: #17212b; --dim: #57646f; --accent: #0b7285; --focus: #0b5ed7;
  --ok: #17693a; --ok-bg: #e2f4e8; --warn: #8a4b00; --warn-bg: #fdf0dc;
  --bad: #a3201f; --bad-bg: #fde6e5; --run: #1552a8; --run-bg: #e3edfb; --idle-bg: #e9edf1;
  --m1: #b9d9ea; --m2: #86bcdc; --m3: #4a97c9; --m4: #2371ab; --m5: #0d4a7d;
  --wait: #9fb0bf; --schema: #b3400a; --other: #6b3fa0;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #0f151b; --card: #172029; --line: #2b3743; --soft: #1f2a35;
    --text: #e6edf3; --dim: #9fadba; --accent: #4cc3d9; --focus: #7db4ff;
    --ok: #7fdba0; --ok-bg: #16351f; --warn: #f4bd6b; --warn-bg: #3b2a0f;
    --bad: #ff9d97; --bad-bg: #421b1b; --run: #8fc1ff; --run-bg: #17304f; --idle-bg: #26313c;
    --m1: #17405f; --m2: #1f5f8d; --m3: #2f86bd; --m4: #5aaee0; --m5: #a5d8f7;
    --wait: #5d6f80; --schema: #ff9c66; --other: #c6a3f5;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--bg); color: var(--text); font: 15px/1.5 var(--sans); }
a { color: var(--accent); text-underline-offset: 3px; text-decoration-thickness: 1px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
code { font: .92em var(--mono); overflow-wrap: anywhere; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 12px; top: -60px; padding: 8px 14px; background: var(--card); border: 1px solid var(--line); border-radius: 8px; z-index: 2; }
.skip:focus { top: 10px; }
header { display: flex; align-items: center; gap: 8px 24px; flex-wrap: wrap; padding: 10px 24px; background: var(--card); border-bottom: 1px solid var(--line); }
.brand { display: flex; align-items: center; gap: 10px; font-weight: 650; font-size: 17px; color: var(--text); text-decoration: none; }
.brand img { display: block; border-radius: 7px; }
header nav { display: flex; gap: 18px; }
header nav a { color: var(--text); text-decoration: none; padding: 4px 0; }
header nav a:hover { color: var(--accent); }
.end { margin-left: auto; display: flex; align-items: center; gap: 14px; min-width: 0; }
.viewer { color: var(--dim); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 260px; }
button { font: inherit; font-size: 14px; color: var(--text); background: var(--soft); border: 1px solid var(--line); border-radius: 8px; padding: 4px 12px; cursor: pointer; white-space: nowrap; }
button[aria-pressed=true] { background: var(--warn-bg); color: var(--warn); border-color: var(--warn); }
button:hover { border-color: var(--dim); }
.away-note { display: none; margin: 0; padding: 8px 24px; background: var(--warn-bg); color: var(--warn); }
.away .away-note { display: block; }
main { max-width: 1240px; margin: 0 auto; padding: 20px 24px 8px; }
footer { max-width: 1240px; margin: 0 auto; padding: 12px 24px 28px; color: var(--dim); font-size: 13px; }
h1 { font-size: 24px; line-height: 1.25; margin: 4px 0 16px; letter-spacing: -.01em; display: flex; flex-wrap: wrap; align-items: center; gap: 6px 14px; overflow-wrap: anywhere; }
h2 { font-size: 17px; line-height: 1.3; margin: 28px 0 10px; }
h3 { font-size: 16px; margin: 0; overflow-wrap: anywhere; }
.crumbs { color: var(--dim); font-size: 14px; overflow-wrap: anywhere; }
.meta, .quiet { color: var(--dim); margin: 4px 0; overflow-wrap: anywhere; }
.meta { font-size: 13.5px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: 12px; margin: 12px 0 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; min-width: 0; }
.tile dt { color: var(--dim); font-size: 13px; }
.tile dd { margin: 2px 0 0; font-size: 22px; line-height: 1.3; font-weight: 620; letter-spacing: -.01em; font-variant-numeric: tabular-nums; }
.tile small { display: block; font-size: 13px; font-weight: 400; letter-spacing: 0; color: var(--dim); }
.alert { color: var(--warn); font-weight: 600; }
.ok { color: var(--ok); }
.badge { display: inline-flex; align-items: center; gap: 6px; padding: 1px 10px; border-radius: 99px; font-size: 13px; line-height: 1.6; font-weight: 550; letter-spacing: 0; white-space: nowrap; background: var(--idle-bg); color: var(--dim); }
.badge.fresh { background: var(--ok-bg); color: var(--ok); }
.badge.running { background: var(--run-bg); color: var(--run); }
.badge.stale, .badge.unfinished { background: var(--warn-bg); color: var(--warn); }
.badge.failed { background: var(--bad-bg); color: var(--bad); }
.note { margin: 10px 0; padding: 10px 14px; border-radius: 8px; border-left: 4px solid var(--line); background: var(--soft); overflow-wrap: anywhere; }
.note p { margin: 4px 0 0; }
.note.late { background: var(--warn-bg); border-color: var(--warn); }
.note.failed { background: var(--bad-bg); border-color: var(--bad); }
.note.fine { background: var(--ok-bg); border-color: var(--ok); }
.run, figure { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; margin: 0 0 12px; }
.run figure { border: 0; padding: 12px 0 0; margin: 0; background: none; }
.run-head { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; }
figcaption { margin: 0 0 10px; }
.stages { list-style: none; display: grid; grid-template-columns: repeat(5, 1fr); gap: 6px; padding: 0; margin: 12px 0; }
.stages li { border-top: 4px solid var(--line); padding-top: 5px; font-size: 13px; color: var(--dim); }
.stages .done { border-color: var(--m3); color: var(--text); }
.stages [aria-current] { border-color: var(--m5); color: var(--text); font-weight: 650; }
.bar-row { display: grid; grid-template-columns: 140px minmax(80px, 260px) 1fr; align-items: center; gap: 2px 14px; padding: 3px 0; }
.bar-name { color: var(--dim); font-size: 14px; }
.bar-text { font-size: 14px; font-variant-numeric: tabular-nums; }
progress { appearance: none; width: 100%; height: 8px; border: 0; border-radius: 99px; overflow: hidden; background: var(--soft); }
progress::-webkit-progress-bar { background: var(--soft); }
progress::-webkit-progress-value { background: var(--m4); }
progress::-moz-progress-bar { background: var(--m4); }
.heat { display: grid; gap: 2px; }
.heat.l { grid-template-columns: repeat(16, 1fr); gap: 4px; max-width: 560px; }
.heat.m { grid-template-columns: repeat(32, 1fr); gap: 3px; max-width: 860px; }
.heat.s { grid-template-columns: repeat(64, 1fr); }
.heat.xs { grid-template-columns: repeat(128, 1fr); gap: 1px; }
.heat i { aspect-ratio: 1; }
.heat i, .legend i { border-radius: 2px; border: 1px solid transparent; }
.heat i:hover { outline: 2px solid var(--text); }
i.w { border-color: var(--wait) !important; }
i.u { background: var(--soft); }
i.m1 { background: var(--m1); } i.m2 { background: var(--m2); } i.m3 { background: var(--m3); } i.m4 { background: var(--m4); } i.m5 { background: var(--m5); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; margin: 10px 0 0; font-size: 13px; color: var(--dim); }
.legend li { display: flex; align-items: center; gap: 6px; }
.legend i { width: 12px; height: 12px; }
.legend .scale { gap: 2px; }
.legend .scale span { margin-left: 6px; }
b.schema { color: var(--schema); } b.other { color: var(--other); }
.scroll { overflow-x: auto; }
.chart { display: block; width: 100%; min-width: 760px; height: auto; font: 12px var(--sans); }
.chart text { fill: var(--dim); }
.chart .panel { fill: var(--text); font-size: 13px; font-weight: 600; }
.chart .tick { font-variant-numeric: tabular-nums; }
.chart .faint { font-size: 11px; }
.chart .grid { stroke: var(--line); stroke-width: 1; }
.area { fill: var(--m2); fill-opacity: .35; }
.line { fill: none; stroke: var(--m4); stroke-width: 2; }
.chart .bar { fill: var(--m3); }
.mark-line { stroke: var(--dim); stroke-opacity: .45; stroke-dasharray: 2 3; }
.mark.schema { fill: var(--schema); } .mark.other { fill: var(--other); }
.hit { fill: transparent; } .hit:hover { fill: var(--text); fill-opacity: .07; }
.curve { display: block; width: 100%; height: 72px; border-bottom: 1px solid var(--line); margin-top: 4px; }
.mean { stroke: var(--text); stroke-width: 1.5; stroke-dasharray: 6 4; vector-effect: non-scaling-stroke; }
figure .meta { margin: 16px 0 0; }
table { width: 100%; border-collapse: separate; border-spacing: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; font-size: 14px; }
table.narrow { max-width: 820px; }
th, td { text-align: left; padding: 8px 12px; border-top: 1px solid var(--line); vertical-align: top; font-weight: 400; }
thead th { border-top: 0; color: var(--dim); font-size: 13px; white-space: nowrap; }
thead + tbody tr:first-child > * { border-top: 1px solid var(--line); }
tbody th { font-weight: 600; overflow-wrap: anywhere; }
.tables tbody th { min-width: 8.5em; }
.tables th a { display: inline-block; }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td small { display: block; color: var(--dim); font-size: 12.5px; }
.told { overflow-wrap: anywhere; }
.whole { white-space: nowrap; }
td .small { display: none; }
.versions td:nth-child(2) { white-space: nowrap; }
.group th { background: var(--soft); font-weight: 650; }
.group span { font-weight: 400; color: var(--dim); margin-left: 8px; }
tbody tr:not(.group):hover > * { background: var(--soft); }
.list { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 12px 0 0; }
.list dt { color: var(--dim); } .list dd { margin: 0; font-variant-numeric: tabular-nums; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 24px; }
.pair > section { min-width: 0; }
@media (max-width: 860px) {
  main { padding: 14px 14px 8px; }
  header { padding: 10px 14px; }
  footer { padding: 12px 14px 24px; }
  .wide { display: none; }
  td .small { display: block; }
  td small.alert { color: var(--warn); }
  .versions td:nth-child(2) { white-space: normal; }
  .pair { grid-template-columns: 1fr; }
  .tiles { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 8px; }
  .tile { padding: 9px 12px; } .tile dd { font-size: 18px; }
  th, td { padding: 8px; }
  .bar-row { grid-template-columns: 1fr auto; } .bar-row progress { grid-row: 2; grid-column: 1 / -1; } .bar-text { grid-column: 1 / -1; }
  .bar-name { display: none; }
  .heat.m { grid-template-columns: repeat(16, 1fr); max-width: 400px; } .heat.s { grid-template-columns: repeat(32, 1fr); } .heat.xs { grid-template-columns: repeat(64, 1fr); }
}
@media (max-width: 480px) {
  .viewer { max-width: 110px; }
  .mid { display: none; }
  header { gap: 8px 12px; } header nav { gap: 12px; } .brand { gap: 8px; font-size: 16px; }
  button { padding: 4px 10px; }
  .narrow th:nth-child(4), .narrow td:nth-child(4), .narrow th:nth-child(5), .narrow td:nth-child(5) { display: none; }
  .stages li { font-size: 12px; }
}
@media (forced-colors: active) { .heat i, .legend i, .badge { forced-color-adjust: none; } }
`;
