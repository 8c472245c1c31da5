import { MongolakeError } from './errors.ts';

/** Engines that a table can be registered with, or read by, in SQL. */
export const DDL_ENGINES = ['athena', 'trino', 'spark', 'duckdb'] as const;

export type DdlEngine = (typeof DDL_ENGINES)[number];

/** A table and what it is to be called. */
export interface DdlTable {
  /** `s3://bucket/folder` or `file:/absolute/folder`. */
  readonly uri: string;
  readonly schema: string;
  readonly name: string;
  /** Trino's, of the Delta Lake connector. */
  readonly catalog: string;
}

/** Statements to run in this order, without semicolons, and what they take, for people. */
export interface Ddl {
  readonly statements: readonly string[];
  readonly notes: readonly string[];
}

/** How the table is registered with an engine, or read by it. Throws `USAGE` for a local folder that the engine can't reach. */
export function ddlOf(engine: DdlEngine, table: DdlTable): Ddl {
  return { athena, trino, spark, duckdb }[engine](table);
}

/** Names in Athena are lower case, of letters, digits and underscores. */
function athena({ uri, schema, name }: DdlTable): Ddl {
  const [database, table] = [schema, name].map((text) => `\`${text.toLowerCase().replace(/[^a-z0-9_]/g, '_')}\``);
  const location = quoted(`${onS3('athena', uri)}/`);
  return {
    statements: [
      `CREATE DATABASE IF NOT EXISTS ${database}`,
      `CREATE EXTERNAL TABLE ${database}.${table} LOCATION ${location} TBLPROPERTIES ('table_type' = 'DELTA')`,
    ],
    notes: ['Athena runs one statement at a time; it needs engine version 3.'],
  };
}

/** Trino folds names to lower case, so that a table registered by another one would not be found. */
function trino({ uri, schema, name, catalog }: DdlTable): Ddl {
  const lower = schema.toLowerCase();
  const args = [
    `schema_name => ${quoted(lower)}`,
    `table_name => ${quoted(name.toLowerCase())}`,
    `table_location => ${quoted(onS3('trino', uri))}`,
  ];
  return {
    statements: [
      `CREATE SCHEMA IF NOT EXISTS ${doubled(catalog)}.${doubled(lower)}`,
      `CALL ${doubled(catalog)}.system.register_table(${args.join(', ')})`,
    ],
    notes: ['The catalog is one of the Delta Lake connector, with delta.register-table-procedure.enabled=true.'],
  };
}

function spark({ uri, schema, name }: DdlTable): Ddl {
  const tick = (text: string) => `\`${text.replaceAll('`', '``')}\``;
  const location = text(uri.startsWith('s3://') ? uri.replace('s3://', 's3a://') : `file://${localPath(uri)}`);
  return {
    statements: [
      `CREATE SCHEMA IF NOT EXISTS ${tick(schema)}`,
      `CREATE TABLE IF NOT EXISTS ${tick(schema)}.${tick(name)} USING DELTA LOCATION ${location}`,
    ],
    notes: ['On EMR and Databricks, where s3: is the native scheme, write s3:// for s3a://.'],
  };
  /** Spark takes a backslash in a text for the start of an escape, and has no doubled quotes. */
  function text(value: string): string {
    return `'${value.replace(/[\\']/g, '\\$&')}'`;
  }
}

function duckdb({ uri, schema, name }: DdlTable): Ddl {
  const isLocal = !uri.startsWith('s3://');
  const secret = 'CREATE OR REPLACE SECRET mongolake (TYPE s3, PROVIDER credential_chain)';
  return {
    statements: [
      'INSTALL delta',
      'LOAD delta',
      ...(isLocal ? [] : ['INSTALL aws', 'LOAD aws', secret]),
      `CREATE SCHEMA IF NOT EXISTS ${doubled(schema)}`,
      `CREATE OR REPLACE VIEW ${doubled(schema)}.${doubled(name)} AS SELECT * FROM delta_scan(${quoted(isLocal ? localPath(uri) : uri)})`,
    ],
    notes: isLocal ? [] : ['A store of your own, such as MinIO, takes ENDPOINT and URL_STYLE in the secret.'],
  };
}

function onS3(engine: DdlEngine, uri: string): string {
  if (uri.startsWith('s3://')) return uri;
  throw new MongolakeError('USAGE', `${uri} is a local folder, which ${engine} can't read`, {
    hint: 'duckdb and spark read it where it is; for the others put the table on S3 (table.uri).',
  });
}

function localPath(uri: string): string {
  return uri.replace(/^file:/, '');
}

/** A text in SQL. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name in SQL. */
function doubled(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
