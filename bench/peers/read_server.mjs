// Reads a collection to its end by the same query as mongolake, and throws it away: what the server takes for a first load.
import { MongoClient } from 'mongodb';

const [uri, database, collection] = process.argv.slice(2);
const client = await MongoClient.connect(uri);
let documents = 0;
if (collection !== undefined) {
  const options = { raw: true, batchSize: 4_000, sort: { _id: 1 }, readConcern: 'majority' };
  const cursor = client.db(database).collection(collection).find({}, options);
  while (await cursor.hasNext()) documents += cursor.readBufferedDocuments().length;
}
await client.close();
process.stdout.write(`${JSON.stringify({ documents })}\n`);
