import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import { MongolakeError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { within } from '../within.ts';
import type { IamAuth } from './vault-auth.ts';

/** A signed request as Vault's login by IAM takes it. */
export interface SignedRequest {
  readonly body: Readonly<Record<string, string>>;
  /** What no message may repeat. */
  readonly secrets: readonly string[];
}

type Credentials = Awaited<ReturnType<ReturnType<typeof defaultProvider>>>;

const BODY = 'Action=GetCallerIdentity&Version=2011-06-15';

/**
 * A request `sts:GetCallerIdentity` that is signed and not sent: Vault sends it and sees who signed it (Vault, "AWS auth method", IAM).
 * Credentials come by the AWS SDK's own chain. Errors: `VAULT_REFUSED` where it finds none, `VAULT_UNREACHABLE` where that takes
 * longer than `timeoutMs`.
 */
export async function signedCallerIdentity(auth: IamAuth, timeoutMs: number, clock: Clock): Promise<SignedRequest> {
  const credentials = await credentialsOf(auth, timeoutMs, clock);
  const { url, region } = stsOf(auth);
  const signer = new SignatureV4({
    service: 'sts',
    region,
    credentials,
    sha256: Sha256,
    applyChecksum: false,
  });
  const { headers } = await signer.sign(
    {
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      headers: {
        host: url.host,
        'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
        ...(auth.serverId === undefined ? {} : { 'x-vault-aws-iam-server-id': auth.serverId }),
      },
      body: BODY,
    },
    { signingDate: new Date(clock.now()) },
  );
  return {
    body: {
      role: auth.role,
      iam_http_request_method: 'POST',
      iam_request_url: base64(url.href),
      iam_request_body: base64(BODY),
      iam_request_headers: base64(JSON.stringify(headers)),
    },
    secrets: [
      ...(headers.authorization === undefined ? [] : [headers.authorization]),
      ...(credentials.sessionToken === undefined ? [] : [credentials.sessionToken]),
    ],
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** Where the request would go, and the region that it is signed for. */
function stsOf({ region, stsEndpoint }: IamAuth): { readonly url: URL; readonly region: string } {
  const own = region === undefined ? 'sts.amazonaws.com' : `sts.${region}.amazonaws.com`;
  const suffix = region?.startsWith('cn-') ? '.cn' : '';
  return { url: new URL(stsEndpoint ?? `https://${own}${suffix}`), region: region ?? 'us-east-1' };
}

async function credentialsOf({ role, mount }: IamAuth, timeoutMs: number, clock: Clock): Promise<Credentials> {
  const login = `the iam login to role ${role} at auth/${mount}`;
  let found: Awaited<ReturnType<typeof within<Credentials>>>;
  try {
    found = await within(clock, timeoutMs, defaultProvider()());
  } catch {
    // What the chain says names profiles and files of many providers, of which most are not meant.
    throw new MongolakeError('VAULT_REFUSED', `there are no AWS credentials to sign ${login} with`, {
      hint: 'Give this process an identity: an instance profile, a service account with a role (IRSA), AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
    });
  }
  if (found.done) return found.value;
  throw new MongolakeError(
    'VAULT_UNREACHABLE',
    `no AWS credentials to sign ${login} with were found in ${timeoutMs / 1000} s`,
    {
      hint: 'On EC2 the metadata service gives them; in a container it needs a hop limit of 2. AWS_EC2_METADATA_DISABLED=true leaves it out.',
    },
  );
}
