/** How somebody logs in to Vault: what the configuration says, with paths made absolute. */
export type VaultAuth = Ec2Auth | IamAuth | KubernetesAuth | AppRoleAuth | TokenAuth;

/** The identity of the EC2 instance that this runs on. */
export interface Ec2Auth {
  readonly method: 'ec2';
  readonly role: string;
  readonly mount: string;
  /** Given, or else kept in `nonceFile`. */
  readonly nonce?: string;
  readonly nonceFile: string;
  readonly metadataUrl: string;
}

/** An IAM identity: whatever the AWS SDK finds credentials of. */
export interface IamAuth {
  readonly method: 'iam';
  readonly role: string;
  readonly mount: string;
  /** Of the STS that Vault asks; `undefined`: the global one. */
  readonly region?: string;
  /** URL of the STS that Vault asks, where that is none of AWS's own. */
  readonly stsEndpoint?: string;
  /** Value of the header `X-Vault-AWS-IAM-Server-ID`. */
  readonly serverId?: string;
}

/** The service account of the pod that this runs in. */
export interface KubernetesAuth {
  readonly method: 'kubernetes';
  readonly role: string;
  readonly mount: string;
  readonly tokenFile: string;
}

/** A role's id, and what else it asks for. */
export interface AppRoleAuth {
  readonly method: 'approle';
  readonly mount: string;
  readonly roleId: string;
  /** At most one of the two; neither where the role asks for none. */
  readonly secretId?: string;
  readonly secretIdFile?: string;
  /** Whether what is given is a token that wraps the secret id. */
  readonly wrapped: boolean;
}

/** A token that somebody else logged in for. */
export interface TokenAuth {
  readonly method: 'token';
  readonly token: string;
}
