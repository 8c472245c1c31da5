// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the examples are references to variables
import { z } from 'zod';
import { EVENTS } from '../domain/notification.ts';
import { duration, oneOf, text } from './fields.ts';

const receiver = z
  .strictObject({
    url: text(
      {
        description: 'Where to POST to, http or https. It is a secret: such a URL often is the password.',
        examples: ['${SLACK_WEBHOOK}', 'https://alerts.example.com/hooks/mongolake'],
      },
      /^https?:\/\/[^\s/?#@]+(?:[/?][^\s#]*)?$/,
      'expected a URL that starts with http:// or https://, without user and password',
    ),
    format: oneOf(
      {
        description: 'json is the event as it is, slack is text for whatever takes Slack’s incoming webhooks.',
        examples: ['slack'],
      },
      ['json', 'slack'],
    ).prefault('json'),
    events: z
      .array(oneOf({ description: 'An event.', examples: ['failed', 'stale'] }, EVENTS))
      .min(1)
      .meta({
        description: 'Of what to tell. All but committed where left out. See [notifications](notifications.md).',
        examples: [['failed', 'stale', 'recovered']],
      })
      .exactOptional(),
    headers: z
      .record(
        z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/),
        text(
          { description: 'Its value.', examples: ['Bearer ${TOKEN}'] },
          /^[\x20-\x7e]+$/,
          'expected printable ASCII',
        ),
      )
      .meta({
        description: 'Headers of the request, whose values are secrets.',
        examples: [{ authorization: 'Bearer ${TOKEN}' }],
      })
      .prefault({}),
    timeout: duration(
      { description: 'How long to wait for an answer before the next try.', examples: ['10s'] },
      { min: 100, max: 60_000 },
    ).prefault('10s'),
  })
  .meta({ description: 'A webhook.' });

export const notifySchema = z
  .array(receiver)
  .min(1)
  .meta({
    description: 'Webhooks that are told of what happens to tables. See [notifications](notifications.md).',
    examples: [[{ url: '${SLACK_WEBHOOK}', format: 'slack' }]],
  });
