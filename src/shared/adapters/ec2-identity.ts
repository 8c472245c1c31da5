import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { MongolakeError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { within } from '../within.ts';
import { wordsOfCode } from './secrets-vault-errors.ts';

/** Where this instance is told who it is. */
export interface MetadataService {
  /** `http://169.254.169.254`, without a path. */
  readonly url: string;
  /** Bound on each of the two requests. */
  readonly timeoutMs: number;
}

/** Seconds that the session's token is asked for: it serves one request. */
const SESSION_TTL_S = '60';
/** A PKCS7 document has about 1,500 bytes. */
const BODY_MAX_BYTES = 64 * 1024;

const HOP_LIMIT =
  'in a container the answer is lost at a hop limit of 1, so set the hop limit to 2: aws ec2 modify-instance-metadata-options --instance-id <instance id> --http-endpoint enabled --http-put-response-hop-limit 2';

/**
 * The PKCS7 signature of this instance's identity document, as base64 without line ends (IMDSv2, AWS's "Instance identity documents").
 * Never by a proxy. Errors: `VAULT_UNREACHABLE`; no message holds the document or the session's token.
 */
export async function ec2Identity(service: MetadataService, clock: Clock): Promise<string> {
  const session = await ask(service, clock, 'PUT', '/latest/api/token', {
    'X-aws-ec2-metadata-token-ttl-seconds': SESSION_TTL_S,
  });
  const document = await ask(service, clock, 'GET', '/latest/dynamic/instance-identity/pkcs7', {
    'X-aws-ec2-metadata-token': session,
  });
  const pkcs7 = document.replace(/\s+/g, '');
  if (/^[A-Za-z0-9+/]+=*$/.test(pkcs7)) return pkcs7;
  throw trouble(service, 'it answers with something else than a PKCS7 document', 'Check vault.auth.metadataUrl.');
}

async function ask(
  service: MetadataService,
  clock: Clock,
  method: 'GET' | 'PUT',
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<string> {
  const cut = new AbortController();
  try {
    const request = exchange(`${service.url}${path}`, { method, headers, signal: cut.signal });
    const answer = await within(clock, service.timeoutMs, request);
    if (!answer.done) throw unanswered(service, 'ETIMEDOUT');
    const { status, body } = answer.value;
    if (status === 200 && /^[\x20-\x7e\s]+$/.test(body)) return body.trim();
    throw refused(service, `${method} ${path}`, status);
  } catch (error) {
    if (error instanceof MongolakeError) throw error;
    throw unanswered(service, (error as NodeJS.ErrnoException).code ?? 'no answer');
  } finally {
    cut.abort();
  }
}

function unanswered(service: MetadataService, code: string): MongolakeError {
  const hint = `Login by EC2 works on EC2 instances only, with the metadata service turned on; ${HOP_LIMIT}.`;
  return trouble(service, wordsOfCode(code, service.timeoutMs), hint);
}

function refused(service: MetadataService, request: string, status: number): MongolakeError {
  if (status === 403) {
    const hint =
      'Turn it on: aws ec2 modify-instance-metadata-options --instance-id <instance id> --http-endpoint enabled';
    return trouble(service, 'it is turned off for this instance (403)', hint);
  }
  return trouble(service, `it answers ${status} to ${request}`, 'Check vault.auth.metadataUrl: it must speak IMDSv2.');
}

function trouble({ url }: MetadataService, what: string, hint: string): MongolakeError {
  return new MongolakeError('VAULT_UNREACHABLE', `the instance metadata service at ${url} can't be asked: ${what}`, {
    hint,
  });
}

/** One request over a connection of its own: an agent of ours heeds no proxy of the environment. */
function exchange(url: string, options: RequestOptions): Promise<{ readonly status: number; readonly body: string }> {
  const secure = url.startsWith('https:');
  const agent = secure ? new HttpsAgent() : new HttpAgent();
  return new Promise((resolve, reject) => {
    const onResponse = (response: IncomingMessage) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > BODY_MAX_BYTES) response.destroy(new Error('too long'));
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    };
    const request = (secure ? httpsRequest : httpRequest)(url, { ...options, agent }, onResponse);
    request.on('error', reject);
    request.end();
  });
}
