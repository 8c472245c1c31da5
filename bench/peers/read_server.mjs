// Reads a collection to its end, as the driver gives it, and throws it away: what the server takes for a first load, whoever asks.
import { MongoClient } from 'mongodb';

const [uri, database, collection] = process.argv.slice(2);
const client = await MongoClient.connect(uri);
let documents = 0;
if (collection !== undefined) {
  const cursor = client.db(database).collection(collection).find({}, { raw: true, batchSize: 10_000 });
  while (await cursor.hasNext()) documents += cursor.readBufferedDocuments().length;
}
await client.close();
process.stdout.write(`${JSON.stringify({ documents })}\n`);
