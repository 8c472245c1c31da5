import { printable } from '../text.ts';

/** HTML that may stand in a page as it is. */
export interface Markup {
  readonly markup: string;
}

/** What a template takes: text is escaped, markup is not, a list is joined, nothing is left out. */
export type Content = string | number | Markup | undefined | false | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it may stand between tags and within a quoted attribute; what would turn its direction or be invisible is spelled out. */
export function escaped(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** A template of HTML whose values are all escaped, but for markup. Attributes must be quoted. */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  const text = parts.map((part, index) => part + (index < contents.length ? rendered(contents[index]) : ''));
  return { markup: text.join('') };
}

function rendered(content: Content): string {
  if (content === undefined || content === false) return '';
  if (typeof content === 'number') return String(content);
  if (typeof content === 'string') return escaped(content);
  return 'markup' in content ? content.markup : content.map(rendered).join('');
}
