import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.aggregation.Aggregation;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.BinData;
import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import de.bwaldvogel.mongo.oplog.Oplog;
import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * mongo-java-server in memory, as a replica set of one (rs0) with the change streams of MongoDB 8.0. What it would do otherwise
 * than a real one it refuses: findAndModify and transactions. One command at a time, so that events are in the order of writes.
 */
public final class StreamServer extends MemoryBackend {
    /** A stream that waits for events keeps its thread: as many streams may wait as there are threads. */
    private static final int THREADS = 128;
    private static final Set<String> UNTOLD = Set.of("findandmodify", "committransaction", "aborttransaction", "bulkwrite");
    /** Undefined, DBPointer, code, symbol, code with scope. */
    private static final Set<Integer> UNKNOWN_TYPES = Set.of(6, 12, 13, 14, 15);

    private final String host;
    private final History history = new History(this);

    private StreamServer(String host) {
        this.host = host;
    }

    /** Arguments: address, port. */
    public static void main(String[] args) {
        StreamServer backend = new StreamServer(args[0] + ":" + args[1]);
        backend.version(new MongoVersion() {
            @Override
            public List<Integer> getVersionArray() {
                return List.of(8, 0, 0, 0);
            }

            @Override
            public int getWireVersion() {
                return 25;
            }
        });
        backend.enableOplog();
        new MongoServer(backend).bind(new InetSocketAddress(args[0], Integer.parseInt(args[1])), 1, THREADS);
    }

    @Override
    protected Oplog createOplog() {
        return history;
    }

    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
        // Drivers give a server up whose answer to this is late: it does not wait for a long write.
        boolean greeting = command.equalsIgnoreCase("hello") || command.equalsIgnoreCase("ismaster");
        if (greeting) return timed(hello(super.handleCommand(channel, database, "ismaster", query)));
        return inTurn(channel, database, command, query);
    }

    private synchronized Document inTurn(Channel channel, String database, String command, Document query) {
        Document reply;
        try {
            reply = answer(channel, database, command.toLowerCase(), command, query);
        } catch (MongoServerError error) {
            reply = errorOf(error);
        }
        history.publish(insertedOf(command, query, reply));
        notifyAll();
        return timed(reply);
    }

    private Document timed(Document reply) {
        BsonTimestamp now = history.now();
        Document clusterTime = new Document("clusterTime", now);
        clusterTime.put("signature", new Document("hash", new BinData(new byte[20])).append("keyId", 0L));
        reply.put("$clusterTime", clusterTime);
        reply.put("operationTime", now);
        return reply;
    }

    private Document answer(Channel channel, String database, String name, String command, Document query) {
        if (UNTOLD.contains(name) || query.containsKey("startTransaction")) {
            throw new MongoServerError(238, "NotImplemented", name + " or a transaction: the server of tests tells no events of it");
        }
        if (query.containsKey("min") || query.containsKey("max")) {
            throw new MongoServerError(238, "NotImplemented", "the server of tests has no bounds of an index");
        }
        leaveOutUnknownTypes(query.get("filter"));
        switch (name) {
            case "aggregate":
                Document first = firstStage(query);
                if (first != null && first.containsKey("$sample")) {
                    // Now and then it fails: it sorts by a comparison that changes its mind.
                    throw new MongoServerError(40324, "Unrecognized pipeline stage name: '$sample'");
                }
                if (first == null || !first.containsKey("$changeStream")) break;
                return openStream(database, query, (Document) first.get("$changeStream"));
            case "getmore":
                Stream stream = history.stream(((Number) query.get(command)).longValue());
                if (stream == null) break;
                if (!(query.get(command) instanceof Long)) {
                    throw new MongoServerError(14, "TypeMismatch", "BSON field 'getMore.getMore' is the wrong type, expected type 'long'");
                }
                return stream.more(query, this);
            case "killcursors":
                for (Object id : (List<?>) query.get("cursors")) history.close((Long) id);
                break;
            case "forgethistory":
                history.forget();
                return ok();
            case "drop":
                if (resolveDatabase(database).resolveCollection((String) query.get(command), false) == null) return ok();
                break;
            case "dropdatabase":
                Document dropped = super.handleCommand(channel, database, command, query);
                history.databaseDropped(database);
                return dropped;
            case "renamecollection":
                Document renamed = super.handleCommand(channel, database, command, query);
                history.renamed((String) query.get(command), (String) query.get("to"));
                return renamed;
            default:
        }
        return super.handleCommand(channel, database, command, query);
    }

    private Document hello(Document reply) {
        BsonTimestamp now = history.now();
        Instant written = Instant.ofEpochSecond(Integer.toUnsignedLong(now.getTime()));
        Document opTime = new Document("ts", now).append("t", 1L);
        Document lastWrite = new Document("opTime", opTime).append("lastWriteDate", written);
        lastWrite.append("majorityOpTime", opTime).append("majorityWriteDate", written);
        return reply.append("helloOk", true).append("isWritablePrimary", true).append("secondary", false)
            .append("setName", "rs0").append("setVersion", 1).append("hosts", List.of(host)).append("primary", host)
            .append("me", host).append("lastWrite", lastWrite).append("logicalSessionTimeoutMinutes", 30)
            .append("readOnly", false);
    }

    /** `$type` can't name them here. Of these the backend stores code only. */
    private static void leaveOutUnknownTypes(Object filter) {
        if (filter instanceof List) ((List<?>) filter).forEach(StreamServer::leaveOutUnknownTypes);
        if (!(filter instanceof Document)) return;
        Document fields = (Document) filter;
        if (fields.get("$type") instanceof List) {
            List<Object> types = new ArrayList<>((List<?>) fields.get("$type"));
            types.removeIf(type -> type instanceof Number && UNKNOWN_TYPES.contains(((Number) type).intValue()));
            fields.put("$type", types);
        }
        fields.values().forEach(StreamServer::leaveOutUnknownTypes);
    }

    private static Document firstStage(Document query) {
        List<?> pipeline = (List<?>) query.get("pipeline");
        return pipeline == null || pipeline.isEmpty() ? null : (Document) pipeline.get(0);
    }

    private Document openStream(String database, Document query, Document options) {
        List<Document> pipeline = Aggregation.parse(query.get("pipeline"));
        MongoDatabase db = resolveDatabase(database);
        Aggregation stages =
            Aggregation.fromPipeline(pipeline.subList(1, pipeline.size()), this::resolveDatabase, db, null, history);
        Object target = query.get("aggregate");
        boolean whole = Boolean.TRUE.equals(options.get("allChangesForCluster"));
        Stream stream = history.open(whole ? null : database, target instanceof String ? (String) target : null, options, stages);
        return stream.first(query);
    }

    /** Of an insert, the documents that got in: the backend tells of all. `null` for what is no insert. */
    private static Set<Integer> insertedOf(String command, Document query, Document reply) {
        if (!command.equals("insert") || !(query.get("documents") instanceof List)) return null;
        int count = ((List<?>) query.get("documents")).size();
        Set<Integer> inserted = new HashSet<>();
        for (int at = 0; at < count; at += 1) inserted.add(at);
        List<?> errors = (List<?>) reply.get("writeErrors");
        if (errors == null) return inserted;
        for (Object error : errors) {
            int failed = (Integer) ((Document) error).get("index");
            inserted.removeIf(at -> at == failed || (!Boolean.FALSE.equals(query.get("ordered")) && at > failed));
        }
        reply.put("n", inserted.size());
        return inserted;
    }

    static Document ok() {
        return new Document("ok", 1.0);
    }

    private static Document errorOf(MongoServerError error) {
        Document reply = new Document("ok", 0.0).append("errmsg", error.getMessageWithoutErrorCode());
        reply.append("code", error.getCode()).append("codeName", error.getCodeName());
        if (error instanceof History.Lost) reply.append("errorLabels", List.of("NonResumableChangeStreamError"));
        return reply;
    }
}
