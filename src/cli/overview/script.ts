/**
 * What a live page runs: it asks for itself again and again, and takes over what differs, so that focus, selection and scroll stay. It rests
 * while nobody looks, and while it is told to.
 */
export const SCRIPT = `const EVERY_MS = 1500;
const AWAY_MS = 5000;
const PARTS = ['main', 'footer', '#said', '.viewer'];
const pause = document.querySelector('#pause');
let paused = false;
let timer;

pause.hidden = false;
pause.addEventListener('click', () => {
  paused = !paused;
  // Pressed or not is said, so the name stays.
  pause.setAttribute('aria-pressed', String(paused));
  if (!paused) soon(0);
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) soon(0);
});

const charts = document.querySelectorAll('.scroll');
for (const chart of charts) chart.scrollLeft = chart.scrollWidth;
soon(EVERY_MS);

function soon(ms) {
  clearTimeout(timer);
  timer = setTimeout(update, ms);
}

async function update() {
  if (paused || document.hidden) return;
  const away = !(await fetched());
  document.documentElement.classList.toggle('away', away);
  soon(away ? AWAY_MS : EVERY_MS);
}

async function fetched() {
  try {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
    if (!answer.ok) return false;
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
    document.title = next.title;
    for (const part of PARTS) {
      const [mine, other] = [document.querySelector(part), next.querySelector(part)];
      if (mine && other) adopt(mine, other);
    }
    return true;
  } catch {
    return false;
  }
}

/** Makes an element equal to another one with as few changes as may be. */
function adopt(mine, other) {
  for (const { name } of [...mine.attributes]) if (!other.hasAttribute(name)) mine.removeAttribute(name);
  for (const { name, value } of other.attributes) if (mine.getAttribute(name) !== value) mine.setAttribute(name, value);
  const wanted = [...other.childNodes];
  for (const [index, node] of wanted.entries()) {
    const here = mine.childNodes[index];
    if (!here) mine.append(node);
    else if (here.nodeType !== node.nodeType || here.nodeName !== node.nodeName) here.replaceWith(node);
    else if (node.nodeType === Node.ELEMENT_NODE) adopt(here, node);
    else if (here.nodeValue !== node.nodeValue) here.nodeValue = node.nodeValue;
  }
  while (mine.childNodes.length > wanted.length) mine.lastChild.remove();
}
`;
