import { describe, expect, it } from 'vitest';
import { escaped, html } from '../../../src/cli/overview/html.ts';

describe('html', () => {
  it('escapes what stands between tags and in attributes, and joins lists', () => {
    const hostile = `"><script>alert('1')</script>&`;
    expect(html`<a title="${hostile}">${[hostile, 7]}</a>`.markup).toBe(
      '<a title="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;">&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;7</a>',
    );
  });

  it('takes markup as it is, and leaves out what there is not', () => {
    expect(html`<p>${html`<b>${'<'}</b>`}${undefined}${false}</p>`.markup).toBe('<p><b>&lt;</b></p>');
  });

  it('spells out what would turn the direction of a text or break its line', () => {
    expect(escaped('a\u202eb\nc')).toBe('a\\u202eb\\nc');
  });
});
