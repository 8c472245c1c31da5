import type { VaultServer } from './vault.ts';

/** A token that Vault knows, without the token. */
export interface VaultToken {
  readonly accessor: string;
  /** Seconds that it lasts yet. */
  readonly ttl: number;
  /** Seconds since the Unix epoch. */
  readonly creation_time: number;
  /** The auth method that gave it: `auth/aws/login`. */
  readonly path: string;
}

/** The tokens of logins at `auth/<mount>` that have not ended. */
export async function tokensOf(vault: VaultServer, mount: string): Promise<readonly VaultToken[]> {
  const { data } = await vault.request('LIST', 'auth/token/accessors');
  const looked = await Promise.all(
    (data.keys as string[]).map((accessor) =>
      vault.request('POST', 'auth/token/lookup-accessor', { accessor }).then(
        (answer: { readonly data: VaultToken }) => answer.data,
        // It has ended since.
        () => undefined,
      ),
    ),
  );
  return looked.filter((token: VaultToken | undefined) => token?.path === `auth/${mount}/login` && token.ttl > 0);
}

/** Ends a token and all that hangs on it. */
export async function revoke(vault: VaultServer, { accessor }: VaultToken): Promise<void> {
  await vault.request('POST', 'auth/token/revoke-accessor', { accessor });
}
