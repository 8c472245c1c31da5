import de.bwaldvogel.mongo.MongoBackend;
import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.backend.Cursor;
import de.bwaldvogel.mongo.backend.Missing;
import de.bwaldvogel.mongo.backend.Utils;
import de.bwaldvogel.mongo.backend.aggregation.Aggregation;
import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import de.bwaldvogel.mongo.oplog.Oplog;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;

/** What was written, as the events of change streams, by resume token. Used by one thread at a time, but for `now`. */
final class History implements Oplog {
    /** Keeps a stream's token apart from those of cursors, which count from 1. */
    private static final long FIRST_STREAM = 1L << 40;

    /** A position that no stream can go on from. */
    static final class Lost extends MongoServerError {
        private static final long serialVersionUID = 1L;

        Lost(int code, String name, String message) {
            super(code, name, message);
        }
    }

    private final MongoBackend backend;
    private final NavigableMap<String, Document> events = new TreeMap<>();
    private final Map<Long, Stream> streams = new HashMap<>();
    /** Of the command that runs. */
    private final List<Document> written = new ArrayList<>();
    private long lastStream = FIRST_STREAM;
    private BsonTimestamp last = new BsonTimestamp(Instant.now(), 1);
    private BsonTimestamp oldest = last;

    History(MongoBackend backend) {
        this.backend = backend;
    }

    /** The time of the last operation; in a new second a no-op has come before, as a primary writes one now and then. */
    synchronized BsonTimestamp now() {
        Instant now = Instant.now();
        if (now.getEpochSecond() > Integer.toUnsignedLong(last.getTime())) last = new BsonTimestamp(now, 1);
        return last;
    }

    private synchronized BsonTimestamp tick() {
        now();
        last = new BsonTimestamp(last.getValue() + 1);
        return last;
    }

    /** A token before all events of this time ("high water mark"). */
    static String markOf(BsonTimestamp time) {
        return String.format("82%016X00", time.getValue());
    }

    /** Gives what a command wrote to the streams; of an insert only the documents at `kept`, all at one time as since 8.0. */
    void publish(Set<Integer> kept) {
        BsonTimestamp shared = kept == null || written.isEmpty() ? null : tick();
        for (int at = 0; at < written.size(); at += 1) {
            if (kept != null && !kept.contains(at)) continue;
            BsonTimestamp time = shared == null ? tick() : shared;
            String token = String.format("82%016X64%08X00", time.getValue(), shared == null ? 0 : at);
            Document event = new Document("_id", new Document("_data", token));
            event.append("operationType", written.get(at).get("operationType")).append("clusterTime", time);
            event.append("wallTime", Instant.now()).appendAll(written.get(at));
            events.put(token, event);
        }
        written.clear();
    }

    /** From now on no stream can begin before now. */
    void forget() {
        events.clear();
        oldest = tick();
    }

    NavigableMap<String, Document> after(String token) {
        return events.tailMap(token, false);
    }

    Stream open(String database, String collection, Document options, Aggregation stages) {
        for (String name : List.of("fullDocumentBeforeChange", "fullDocument")) {
            Object wanted = options.getOrDefault(name, "default");
            if (!Set.of("default", "updateLookup", "off").contains(wanted)) {
                throw new MongoServerError(238, "NotImplemented", name + " " + wanted);
            }
        }
        Document resume = (Document) options.getOrDefault("resumeAfter", options.get("startAfter"));
        BsonTimestamp time = (BsonTimestamp) options.get("startAtOperationTime");
        String from = resume != null ? tokenOf(resume) : markOf(time != null ? time : tick());
        if (from.compareTo(markOf(oldest)) < 0) {
            throw new Lost(286, "ChangeStreamHistoryLost", "Resume of change stream was not possible, as the resume point may no "
                + "longer be in the oplog.");
        }
        boolean updateLookup = "updateLookup".equals(options.get("fullDocument"));
        Stream stream = new Stream(this, lastStream += 1, database, collection, stages, updateLookup ? this::current : null);
        stream.startAt(from, options.containsKey("resumeAfter"), from.length() > 20 ? events.get(from.substring(0, 28) + "00") : null);
        streams.put(stream.id, stream);
        return stream;
    }

    private static String tokenOf(Document token) {
        String data = String.valueOf(token.get("_data"));
        if (!data.matches("([0-9A-Fa-f]{2})+")) {
            throw new MongoServerError(9, "FailedToParse", "resume token string was not a valid hex string");
        }
        if (!data.matches("82[0-9A-F]{16}(00|64[0-9A-F]{8}0[01])")) throw new MongoServerError(50811, "KeyString format error");
        return data;
    }

    Stream stream(long id) {
        return streams.get(id);
    }

    void close(long id) {
        Stream stream = streams.remove(id);
        if (stream != null) stream.closed = true;
    }

    private MongoCollection<?> collection(String namespace) {
        String database = Utils.getDatabaseNameFromFullName(namespace);
        return backend.resolveDatabase(database).resolveCollection(Utils.getCollectionNameFromFullName(namespace), false);
    }

    /** The document of an event as it is now; null where it is gone. */
    private Document current(Document event) {
        Document ns = (Document) event.get("ns");
        return find(ns.get("db") + "." + ns.get("coll"), ((Document) event.get("documentKey")).get("_id"));
    }

    private Document find(String namespace, Object id) {
        MongoCollection<?> collection = collection(namespace);
        if (collection == null) return null;
        for (Document document : collection.handleQuery(new Document("_id", id), 0, 1)) return document.cloneDeeply();
        return null;
    }

    private static Document nsOf(String namespace) {
        Document ns = new Document("db", Utils.getDatabaseNameFromFullName(namespace));
        return ns.append("coll", Utils.getCollectionNameFromFullName(namespace));
    }

    private void write(String type, Document fields) {
        written.add(new Document("operationType", type).appendAll(fields));
    }

    @Override
    public void handleInsert(String namespace, List<Document> documents) {
        for (Document document : documents) {
            write("insert", new Document("fullDocument", document.cloneDeeply()).append("ns", nsOf(namespace))
                .append("documentKey", new Document("_id", document.get("_id"))));
        }
    }

    @Override
    public void handleUpdate(String namespace, Document selector, Document update, List<Object> ids) {
        boolean replaced = update.keySet().stream().noneMatch(key -> key.startsWith("$"));
        for (Object id : ids) {
            Document document = find(namespace, id);
            Document event = replaced ? new Document("fullDocument", document) : new Document();
            event.append("ns", nsOf(namespace)).append("documentKey", new Document("_id", id));
            if (!replaced) event.append("updateDescription", descriptionOf(update, document));
            write(replaced ? "replace" : "update", event);
        }
    }

    /** By what the update names, with the values after it: also of a field that had that value before. */
    private static Document descriptionOf(Document update, Document after) {
        Document updated = new Document();
        List<String> removed = new ArrayList<>();
        for (Object fields : update.values()) {
            for (Map.Entry<String, Object> field : ((Document) fields).entrySet()) {
                List<String> paths = new ArrayList<>(List.of(field.getKey()));
                if (fields == update.get("$rename")) paths.add((String) field.getValue());
                for (String named : paths) {
                    String path = named.contains("$") ? named.substring(0, named.indexOf('.')) : named;
                    Object value = Utils.getSubdocumentValue(after, path);
                    if (value instanceof Missing) removed.add(path);
                    else updated.put(path, value);
                }
            }
        }
        return new Document("updatedFields", updated).append("removedFields", removed).append("truncatedArrays", List.of());
    }

    @Override
    public void handleDelete(String namespace, Document query, List<Object> ids) {
        for (Object id : ids) write("delete", new Document("ns", nsOf(namespace)).append("documentKey", new Document("_id", id)));
    }

    @Override
    public void handleDropCollection(String namespace) {
        if (namespace.contains(".system.")) return;
        write("drop", new Document("ns", nsOf(namespace)));
    }

    void databaseDropped(String database) {
        if (!written.isEmpty()) write("dropDatabase", new Document("ns", new Document("db", database)));
    }

    void renamed(String from, String to) {
        write("rename", new Document("ns", nsOf(from)).append("to", nsOf(to)));
    }

    @Override
    public Cursor createCursor(Document options, String namespace, Aggregation stages) {
        throw new IllegalStateException("streams are opened by the server");
    }
}
