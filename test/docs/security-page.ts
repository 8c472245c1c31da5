import { readFileSync } from 'node:fs';

const PAGE = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');

/** The one code block of a language in docs/security.md. */
function block(language: string): string {
  const [, text, more] = PAGE.split(`\`\`\`${language}\n`);
  if (text === undefined || more !== undefined) throw new Error(`docs/security.md has not one block of ${language}`);
  return text.slice(0, text.indexOf('\n```'));
}

/** The users of the page's ACL file, for a prefix and a password. */
export function aclLines(prefix: string, password: string): readonly string[] {
  return block('acl')
    .split('\n')
    .map((line) => line.replaceAll('{mongolake}', prefix).replaceAll('<password>', password));
}

/** Commands that the page gives a user. */
export function aclCommands(user: string): ReadonlySet<string> {
  const line = aclLines('', '').find((one) => one.startsWith(`user ${user} `)) ?? '';
  return new Set([...line.matchAll(/ \+(\S+)/g)].map((match) => match[1] ?? ''));
}

/** The page's bucket policy for a bucket and the names of three users. */
export function bucketPolicy(bucket: string, names: Readonly<Record<string, string>>): string {
  return block('json')
    .replaceAll('arn:aws:s3:::lake', `arn:aws:s3:::${bucket}`)
    .replace(/<(\w+)>/g, (_, role: string) => names[role] ?? role);
}
