import { z } from 'zod';
import { decimalType, text } from './fields.ts';

/** Names with dots between; none is empty or begins with a dollar sign. */
export const PATH = /^[^.$\0][^.\0]*(?:\.[^.$\0][^.\0]*)*$/;
/** Says so. */
export const PATH_EXPECTED =
  'expected a path such as email or guest.email: names with dots between, without a $ in front';
/** What Delta takes (Delta PROTOCOL.md, "Column Names"), without the dot, which would look like a path. */
const COLUMN_NAME = /^[^ ,;{}()\n\t=.]+$/;

const paths = (description: string, examples: readonly string[]) =>
  z
    .array(text({ description: 'A path.', examples }, PATH, PATH_EXPECTED))
    .min(1)
    .meta({ description, examples: [[...examples]] })
    .exactOptional();

/** The column policy of a table. What the schema can't say of it is in `columns-check.ts`. */
export const columnsSchema = z
  .strictObject({
    include: paths('Only these fields, with _id and the cursor field. The rest is not read from MongoDB.', [
      'guest.name',
      'status',
    ]),
    exclude: paths('Fields that are left out; MongoDB does not send them.', ['guest.passport', 'payment']),
    rename: z
      .record(
        z.string().min(1),
        text(
          { description: "The column's name.", examples: ['mail'] },
          COLUMN_NAME,
          "expected a column's name, without spaces and any of ,;{}()=. : a field keeps its place and changes its name",
        ),
      )
      .meta({ description: 'Names of columns by path.', examples: [{ 'guest.email': 'mail' }] })
      .exactOptional(),
    decimal: z
      .record(
        z.string().min(1),
        decimalType({ description: 'Digits in all, and those after the point.', examples: ['decimal(10,2)'] }),
      )
      .meta({
        description: 'Decimal types by path: what fits exactly is in a decimal column, the rest beside it.',
        examples: [{ price: 'decimal(10,2)' }],
      })
      .exactOptional(),
    json: paths('Fields that are kept as one JSON text each, whatever is in them.', ['payload']),
    hash: paths('Fields whose values are replaced by their HMAC-SHA-256 with hashKey.', ['_id', 'guest.email']),
  })
  .meta({
    description:
      'What is taken of the documents, and how. A path is dotted and passes through arrays. The nearest columns replaces all of those around it.',
    examples: [{ exclude: ['guest.passport'], hash: ['guest.email'], decimal: { price: 'decimal(10,2)' } }],
  });
