import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from './context.ts';
import { type Ec2Login, startEc2Login } from './ec2.ts';
import { identitySigner, type MetadataServer, startMetadata } from './metadata.ts';

const IDENTITY = '/latest/dynamic/instance-identity';

async function session({ url }: MetadataServer): Promise<string> {
  const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' };
  const answer = await fetch(`${url}/latest/api/token`, { method: 'PUT', headers });
  return answer.text();
}

async function page(metadata: MetadataServer, path: string, token?: string) {
  const headers: Record<string, string> = token === undefined ? {} : { 'x-aws-ec2-metadata-token': token };
  const answer = await fetch(`${metadata.url}${path}`, { headers });
  return { status: answer.status, text: await answer.text() };
}

describeWith(['vault'], 'the Vault of tests', () => {
  let ec2: Ec2Login;
  const logIn = async (metadata: MetadataServer, nonce: string, role = 'mongolake') => {
    const { text } = await page(metadata, `${IDENTITY}/pkcs7`, await session(metadata));
    const answer = await ec2.vault.request('POST', 'auth/aws/login', { role, nonce, pkcs7: text.replaceAll('\n', '') });
    return answer.auth.client_token as string;
  };

  beforeAll(async () => {
    ec2 = await startEc2Login({
      secret: { mongolake: { one: 'v2' }, other: { one: 'hidden' } },
      kv: { mongolake: { one: 'v1' } },
      readable: ['secret/data/mongolake', 'kv/mongolake'],
    });
  });
  afterAll(() => ec2?.stop());

  it('lets an instance of the image in, each time by the nonce of its first login, to what the policy allows', async () => {
    const { metadata } = await ec2.instance();
    await logIn(metadata, 'first');
    await expect(logIn(metadata, 'second')).rejects.toThrow('client nonce mismatch');
    const token = await logIn(metadata, 'first');
    const read = (path: string) => ec2.vault.request('GET', path, undefined, token);
    expect(await read('secret/data/mongolake')).toMatchObject({ data: { data: { one: 'v2' } } });
    expect(await read('kv/mongolake')).toMatchObject({ data: { one: 'v1' } });
    await expect(read('secret/data/other')).rejects.toThrow('403');
  });

  it('lets no instance of another image in, none that AWS does not know, and none whose document somebody else signed', async () => {
    const { metadata: foreign } = await ec2.instance(await ec2.moto.registerImage());
    await expect(logIn(foreign, 'any')).rejects.toThrow('does not belong to role');
    const { identity } = await ec2.instance();
    const stranger = await identitySigner();
    const unknown = await startMetadata({ ...identity, instanceId: 'i-0123456789abcdef0' }, ec2.signer);
    const forged = await startMetadata(identity, stranger);
    await expect(logIn(unknown, 'any')).rejects.toThrow('failed to verify instance ID');
    await expect(logIn(forged, 'any')).rejects.toThrow('failed to verify the signature');
    await Promise.all([unknown.stop(), forged.stop()]);
    stranger.close();
  });

  it('knows no role that nobody made', async () => {
    await expect(logIn(ec2.metadata, 'any', 'nobody')).rejects.toThrow('entry for role');
  });

  it('answers 503 while it is sealed', async () => {
    await ec2.vault.seal();
    await expect(ec2.vault.request('GET', 'kv/mongolake')).rejects.toThrow('503');
    await ec2.vault.unseal();
    expect(await ec2.vault.request('GET', 'kv/mongolake')).toMatchObject({ data: { one: 'v1' } });
  });

  it('has a metadata service that speaks version 2 only', async () => {
    const { metadata } = await ec2.instance();
    expect((await page(metadata, `${IDENTITY}/document`)).status).toBe(401);
    expect((await page(metadata, `${IDENTITY}/document`, 'made up')).status).toBe(401);
    expect(metadata.refused).toBe(2);
    expect((await fetch(`${metadata.url}/latest/api/token`, { method: 'PUT' })).status).toBe(400);
    const token = await session(metadata);
    const { text } = await page(metadata, `${IDENTITY}/document`, token);
    expect(JSON.parse(text)).toMatchObject({ imageId: ec2.imageId, instanceId: expect.stringMatching(/^i-/) });
    expect((await page(metadata, '/latest/other', token)).status).toBe(404);
    expect(metadata.given).toBe(0);
    expect((await page(metadata, `${IDENTITY}/pkcs7`, token)).text).toMatch(/^[A-Za-z0-9+/\n]+=*$/);
    expect(metadata.given).toBe(1);
  });
});
