import { type Document, MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect } from 'vitest';

/** Collections that the tests of a suite fill; each gets one of its own. */
export interface OwnCollections {
  client(): MongoClient;
  /** Inserts the documents, a few megabytes at a time, and returns the collection's name. */
  store(documents: readonly Document[]): Promise<string>;
}

/** For a suite: the client lives as long as it does. */
export function ownCollections({ uri, database }: { readonly uri: string; readonly database: string }): OwnCollections {
  let client: MongoClient;
  let collections = 0;
  beforeAll(() => {
    client = new MongoClient(uri);
  });
  afterAll(() => client.close());
  return {
    client: () => client,
    async store(documents) {
      const name = `own${collections++}`;
      for (let from = 0; from < documents.length; from += 1000) {
        const some = documents.slice(from, from + 1000);
        // By the command itself: the driver would give a document whose `_id` is null another one.
        const { writeErrors } = await client.db(database).command({ insert: name, documents: some });
        expect(writeErrors).toBeUndefined();
      }
      return name;
    },
  };
}
