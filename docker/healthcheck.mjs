// The image's HEALTHCHECK. Asks `/healthz` wherever a process of the container listens, as the kernel tells it, so that it needs no
// configuration: coordinator, worker and dashboard say whether they get on. A command that serves nothing, such as `sync`, is healthy;
// one that this may not look into is not.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { get } from 'node:http';

const ANSWER_MS = 5000;
/** State of a socket in /proc/<pid>/net/tcp. */
const LISTENING = '0A';

/** What `list` gives; nothing where what it looks at has ended meanwhile, or is not there. Throws where it may not look. */
function orNone(list) {
  try {
    return list();
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return [];
    throw error;
  }
}

/** The processes of this user but for this one. Throws where there is none: one serves, or would, and it can't be seen. */
function processesOfUser() {
  const user = process.getuid();
  const ofUser = (pid) =>
    orNone(() => [readFileSync(`/proc/${pid}/status`, 'utf8')]).some(
      (status) => status.match(/^Uid:\t(\d+)/m)?.[1] === `${user}`,
    );
  const found = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== `${process.pid}` && ofUser(name));
  if (found.length === 0) throw new Error(`/proc shows no other process of user ${user}`);
  return found;
}

/** The sockets that processes hold, as `socket:[inode]`. */
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
  const held = socketsOf(processesOfUser());
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

/** Whether all that is served is well. */
async function isWell() {
  const answers = await Promise.all(listeningHosts().map(ask));
  if (answers.length === 0) process.stdout.write('nothing is served\n');
  return answers.every((well) => well);
}

try {
  process.exitCode = (await isWell()) ? 0 : 1;
} catch (error) {
  process.stdout.write(`what is served can't be told: ${error.message}\n`);
  process.exitCode = 1;
}
