// The image's HEALTHCHECK. Asks `/healthz` wherever a process of the container listens, as the kernel tells it, so that it needs no
// configuration: coordinator, worker and dashboard say whether they get on. A command that serves nothing, such as `sync`, is healthy.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { get } from 'node:http';

const ANSWER_MS = 5000;
/** State of a socket in /proc/<pid>/net/tcp. */
const LISTENING = '0A';

/** What `list` gives; nothing where a process has ended meanwhile or is another user's. */
function orNone(list) {
  try {
    return list();
  } catch {
    return [];
  }
}

/** The sockets that processes of this user hold, as `socket:[inode]`. */
function socketsOf(processes) {
  const files = processes.flatMap((pid) =>
    orNone(() => readdirSync(`/proc/${pid}/fd`)).map((file) => `/proc/${pid}/fd/${file}`),
  );
  return new Set(files.flatMap((file) => orNone(() => [readlinkSync(file)])));
}

/** An address as the kernel writes it (`0100007F:24F8`, in the order of the machine's bytes) as one of a URL. */
function hostOf(address) {
  const [hex = '', port = ''] = address.split(':');
  const bytes = Buffer.from(hex, 'hex').swap32();
  const groups = bytes.toString('hex').match(/.{4}/g) ?? [];
  return `${bytes.length === 4 ? bytes.join('.') : `[${groups.join(':')}]`}:${Number.parseInt(port, 16)}`;
}

function listeningHosts() {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const held = socketsOf(processes);
  return ['tcp', 'tcp6'].flatMap((table) =>
    orNone(() => readFileSync(`/proc/self/net/${table}`, 'utf8').trim().split('\n').slice(1))
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === LISTENING && held.has(`socket:[${inode}]`))
      .map(([, address]) => hostOf(address)),
  );
}

/** Whether the process behind it is well; tells what it answers. */
function ask(host) {
  const url = `http://${host}/healthz`;
  return new Promise((resolve) => {
    const told = (well, what) => {
      process.stdout.write(`${url}: ${what}\n`);
      resolve(well);
    };
    const request = get(url, { timeout: ANSWER_MS }, (answer) => {
      answer.resume();
      told(answer.statusCode === 200, answer.statusCode);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    request.on('error', (error) => told(false, error.message));
  });
}

const answers = await Promise.all(listeningHosts().map(ask));
if (answers.length === 0) process.stdout.write('nothing is served\n');
process.exitCode = answers.every((well) => well) ? 0 : 1;
