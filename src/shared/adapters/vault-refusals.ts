import { MongolakeError } from '../domain/errors.ts';
import { because, unavailable, unreachable, type VaultFailure, type VaultPlace } from './secrets-vault-errors.ts';

/** What messages need to know of a login. */
export interface LoginPlace extends VaultPlace {
  readonly method: 'ec2' | 'iam' | 'kubernetes' | 'approle';
  /** As it stands after the word role. */
  readonly role: string;
  readonly mount: string;
  /** Where what proves the login comes from: a file, or a key of the configuration. */
  readonly from: string;
}

/** One reason of Vault to refuse. */
interface Refusal {
  readonly pattern: RegExp;
  /** Stands after `Vault refused the … login to role … at auth/…: `. */
  readonly message: (place: LoginPlace) => string;
  readonly hint: (place: LoginPlace) => string;
  /** Whether Vault's own words add to the message. */
  readonly quote?: boolean;
}

/** Of both kinds of login of the AWS method (builtin/credential/aws/path_login.go). Some come with 400, some with 500. */
const AWS: readonly Refusal[] = [
  {
    pattern: /entry for role .* not found|role .* could not be found/i,
    message: () => 'there is no such role',
    hint: ({ mount }) => `Check vault.auth.role; \`vault list auth/${mount}/roles\` tells which there are.`,
  },
  {
    pattern: /auth method (?:ec2|iam) not allowed/,
    message: ({ method }) => `the role is not of type ${method}`,
    hint: ({ method }) =>
      `Make a role with auth_type=${method}, or set vault.auth.method; the type of one that is there can not be changed.`,
  },
];

const INSTANCE: Refusal = {
  pattern:
    /does not belong to (?:the )?role|does not satisfy the constraint|in the instance description is|role tag|missing tag|as a valid EC2 instance/,
  quote: true,
  message: ({ method }) => `it does not let this ${method === 'ec2' ? 'instance' : 'identity'} in`,
  hint: ({ role, mount, method }) =>
    method === 'ec2'
      ? `Compare the instance with the bound_ parameters: vault read auth/${mount}/role/${role}.`
      : `Compare what \`aws sts get-caller-identity\` says here with bound_iam_principal_arn: vault read auth/${mount}/role/${role}.`,
};

const EC2: readonly Refusal[] = [
  {
    pattern: /client nonce mismatch/,
    message: ({ from }) => `it knows this instance with another client nonce than that of ${from}`,
    hint: ({ mount }) =>
      `Bring back the nonce of the first login, or, where it is lost and nobody else logged in as this instance, have the instance forgotten: ${forget(mount)}.`,
  },
  {
    pattern: /reauthentication is disabled|nonce missing in stored identity/,
    message: () => 'the role lets an instance log in only once, and this one has',
    hint: ({ mount }) =>
      `Set disallow_reauthentication=false on the role, then have the instance forgotten: ${forget(mount)}.`,
  },
  ...AWS,
  {
    pattern: /failed to verify instance ID/,
    quote: true,
    message: () => 'it could not confirm this instance with AWS',
    hint: ({ mount }) =>
      `Vault needs the right ec2:DescribeInstances in the account of the instance: auth/${mount}/config/client, and config/sts for other accounts.`,
  },
  INSTANCE,
  {
    pattern: /PKCS#?7|verify the signature|certificates to verify|identity document|older than the one/i,
    quote: true,
    message: () => 'it does not trust the identity document of this instance',
    hint: ({ mount }) =>
      `It may lack the certificate by which AWS signs in this region: auth/${mount}/config/certificate/<name>. Check vault.auth.metadataUrl too.`,
  },
];

const IAM: readonly Refusal[] = [
  {
    pattern: /validating X-Vault-AWS-IAM-Server-ID header/i,
    quote: true,
    message: ({ from }) => `it wants another X-Vault-AWS-IAM-Server-ID than it was sent (${from})`,
    hint: ({ mount }) =>
      `Set vault.auth.serverId to iam_server_id_header_value of this Vault: vault read auth/${mount}/config/client.`,
  },
  ...AWS,
  INSTANCE,
  {
    pattern: /from STS|error making upstream request|invalid request header/,
    quote: true,
    message: () => 'AWS did not confirm the identity that signed',
    hint: ({ mount }) =>
      `Are the credentials good: aws sts get-caller-identity? Is this machine's clock right? vault.auth.region and stsEndpoint must be those that Vault asks: sts_region and sts_endpoint of auth/${mount}/config/client.`,
  },
];

const KUBERNETES: readonly Refusal[] = [
  {
    pattern: /invalid role name/,
    message: () => 'there is no such role',
    hint: ({ mount }) => `Check vault.auth.role; \`vault list auth/${mount}/role\` tells which there are.`,
  },
  {
    pattern: /namespace not authorized|service account name not authorized/,
    quote: true,
    message: () => "it does not let this pod's service account in",
    hint: ({ role, mount }) =>
      `Compare namespace and service account of the pod with the bound_service_account_ parameters: vault read auth/${mount}/role/${role}.`,
  },
  {
    pattern: /audience|\(aud\)/i,
    quote: true,
    message: ({ from }) => `the token of ${from} is for another audience`,
    hint: ({ role, mount }) =>
      `The projected volume's audience and the role's must be the same: vault read auth/${mount}/role/${role}.`,
  },
  {
    pattern: /expired|\(exp\)|\(nbf\)|\(iss\)|issuer|malformed|parse|claims/i,
    quote: true,
    message: ({ from }) => `it takes the token of ${from} for none of its cluster's, or for one that has ended`,
    hint: ({ mount }) =>
      `Kubernetes renews a projected token by itself: is that the file? Compare issuer and keys: vault read auth/${mount}/config.`,
  },
  {
    pattern: /could not load backend configuration/,
    message: () => 'the method does not know its cluster yet',
    hint: ({ mount }) => `vault write auth/${mount}/config kubernetes_host=https://<address of the Kubernetes API>.`,
  },
  {
    // Vault says no more to who asks; more is in its log at level debug.
    pattern: /permission denied/,
    quote: true,
    message: ({ from }) => `it does not take the token of ${from}`,
    hint: ({ role, mount }) =>
      `Vault tells no reason. Check in this order: is the method mounted at auth/${mount} (vault auth list, vault.namespace); does Vault reach the Kubernetes API (vault read auth/${mount}/config) and may it review tokens there (the ClusterRole system:auth-delegator); is this address within token_bound_cidrs of the role (vault read auth/${mount}/role/${role})?`,
  },
];

const APPROLE: readonly Refusal[] = [
  {
    pattern: /invalid role(?:_id| id)|missing role_id/i,
    message: () => 'there is no role with this role id',
    hint: ({ mount }) => `Set vault.auth.roleId to what this says: vault read auth/${mount}/role/<role>/role-id.`,
  },
  {
    pattern: /missing secret_id/,
    message: () => 'the role asks for a secret id, and there is none',
    hint: () => 'Set vault.auth.secretIdFile, or vault.auth.secretId.',
  },
  {
    pattern: /invalid secret.id/i,
    message: ({ from }) => `the secret id of ${from} is wrong, has ended, or was used as often as it may be`,
    hint: ({ mount }) =>
      `Make another: vault write -f auth/${mount}/role/<role>/secret-id. For processes that run long it must not end (secret_id_ttl=0, secret_id_num_uses=0), or be replaced in its file in time.`,
  },
  {
    pattern: /CIDR|source address/i,
    quote: true,
    message: () => 'it does not let this address in',
    hint: () => 'Compare secret_id_bound_cidrs and token_bound_cidrs of the role.',
  },
];

const REFUSALS = { ec2: EC2, iam: IAM, kubernetes: KUBERNETES, approle: APPROLE };
/** What the method is called where it is turned on. */
const TYPES = { ec2: 'aws', iam: 'aws', kubernetes: 'kubernetes', approle: 'approle' };

function forget(mount: string): string {
  return `vault delete auth/${mount}/identity-accesslist/<instance id>`;
}

/** A login that came to nothing. Where Vault refused it, the message names method, role and mount. */
export function loginError(failure: VaultFailure, place: LoginPlace): MongolakeError {
  const { method, role, mount } = place;
  const login = `Vault refused the ${method} login to role ${role} at auth/${mount}`;
  if (failure.status !== undefined) {
    const { reason } = failure;
    const known = REFUSALS[method].find(({ pattern }) => pattern.test(reason));
    if (known !== undefined) {
      const message = `${login}: ${known.message(place)}${known.quote ? `: ${reason}` : ''}`;
      return new MongolakeError('VAULT_REFUSED', message, { hint: known.hint(place) });
    }
  }
  const away = unavailable(failure, place);
  if (away !== undefined || failure.status === undefined)
    return away ?? unreachable(place.address, place.timeoutMs, '');
  const { status, reason } = failure;
  // Without a token Vault does not tell what is not there from what is not allowed.
  const hint =
    status === 403 || status === 404 || /missing client token/.test(reason)
      ? `Check that the method is mounted there (vault auth enable -path=${mount} ${TYPES[method]}), vault.auth.mount, vault.namespace, and the role's token_bound_cidrs.`
      : `Compare vault.auth with the role at auth/${mount}.`;
  return new MongolakeError('VAULT_REFUSED', `${login}${because(status, reason)}`, { hint });
}

/** A wrapping token that Vault does not give a secret id for. */
export function unwrapError(failure: VaultFailure, place: LoginPlace): MongolakeError {
  const away = unavailable(failure, place);
  if (away !== undefined) return away;
  const { status, reason } = failure.status === undefined ? { status: 0, reason: '' } : failure;
  const { method, role, mount, from } = place;
  return new MongolakeError(
    'VAULT_REFUSED',
    `Vault refused the ${method} login to role ${role} at auth/${mount}: the wrapping token of ${from} was used or has ended${because(status, reason)}`,
    {
      hint: `Wrap another secret id for each start: vault write -wrap-ttl=10m -f auth/${mount}/role/<role>/secret-id. If nobody of yours has unwrapped this one, somebody else did: destroy its secret id, and look into Vault's audit log.`,
    },
  );
}
