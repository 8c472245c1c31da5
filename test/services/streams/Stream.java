import de.bwaldvogel.mongo.backend.aggregation.Aggregation;
import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;

/** The cursor of a change stream: of a collection, of a database (`collection` null), or of all (`database` null too). */
final class Stream {
    private static final int BATCH = 1000;
    private static final long AWAIT_MS = 1000;
    final long id;
    boolean closed;

    private final History history;
    private final String database;
    private final String collection;
    private final Aggregation stages;
    /** null: updates come without the document. */
    private final UnaryOperator<Document> lookUp;
    /** All up to here was handed over. */
    private String position;
    /** Only who opened it may read on, as with a real one. */
    private Object session;
    /** The event that ends the stream once it was handed over. */
    private Document end;

    Stream(History history, long id, String database, String collection, Aggregation stages, UnaryOperator<Document> lookUp) {
        this.history = history;
        this.id = id;
        this.database = database;
        this.collection = collection;
        this.stages = stages;
        this.lookUp = lookUp;
    }

    /** `event` is that of the token, `null` where there is none; a high water mark needs none. */
    void startAt(String token, boolean resumeAfter, Document event) {
        position = token;
        if (token.length() == 20) return;
        if (event == null || !concerns(event)) {
            throw new History.Lost(280, "ChangeStreamFatalError", "cannot resume stream; the resume token was not found. {_data: \"" + token + "\"}");
        }
        if (!ends(event)) return;
        if (token.endsWith("00")) end = event;
        else if (resumeAfter) {
            throw new MongoServerError(260, "InvalidResumeToken",
                "Attempting to resume a change stream using 'resumeAfter' is not allowed from an invalidate notification.");
        }
    }

    Document first(Document query) {
        session = query.get("lsid");
        Document cursor = (Document) query.getOrDefault("cursor", new Document());
        return reply("firstBatch", take(sizeOf(cursor)));
    }

    /** Waits for events until `maxTimeMS`, a second if not given; meanwhile other commands run. */
    Document more(Document query, Object monitor) {
        if (!Objects.equals(session, query.get("lsid"))) {
            throw new MongoServerError(50738, "Cannot run getMore on cursor " + id + ", which was created in another session");
        }
        long waitMs = query.get("maxTimeMS") == null ? AWAIT_MS : ((Number) query.get("maxTimeMS")).longValue();
        long deadline = System.nanoTime() + waitMs * 1_000_000;
        List<Document> events = take(sizeOf(query));
        while (events.isEmpty()) {
            long leftMs = (deadline - System.nanoTime()) / 1_000_000;
            if (leftMs <= 0) break;
            try {
                monitor.wait(leftMs);
            } catch (InterruptedException interrupted) {
                throw new MongoServerError(11600, "InterruptedAtShutdown", "interrupted");
            }
            if (closed) throw new MongoServerError(237, "CursorKilled", "cursor was killed");
            events = take(sizeOf(query));
        }
        return reply("nextBatch", events);
    }

    private static int sizeOf(Document options) {
        Object size = options.get("batchSize");
        return size == null ? BATCH : Math.min(BATCH, ((Number) size).intValue());
    }

    private List<Document> take(int most) {
        List<Document> batch = new ArrayList<>();
        for (Map.Entry<String, Document> each : history.after(position).entrySet()) {
            if (end != null || batch.size() >= most) break;
            position = each.getKey();
            Document event = each.getValue();
            if (!concerns(event)) continue;
            batch.addAll(staged(event));
            if (ends(event)) end = event;
        }
        if (end != null) {
            batch.addAll(staged(invalidate(end)));
            history.close(id);
        } else if (batch.size() < most) {
            String mark = History.markOf(history.now());
            // Events of that very time may have been handed over: they come after its mark.
            if (mark.compareTo(position) > 0) position = mark;
        }
        return batch;
    }

    private List<Document> staged(Document event) {
        Document copy = event.cloneDeeply();
        if (lookUp != null && "update".equals(event.get("operationType"))) {
            copy = new Document();
            for (Map.Entry<String, Object> field : event.entrySet()) {
                if (field.getKey().equals("ns")) copy.append("fullDocument", lookUp.apply(event));
                copy.append(field.getKey(), field.getValue());
            }
        }
        return stages.runStages(java.util.stream.Stream.of(copy));
    }

    private Document invalidate(Document event) {
        String token = (String) ((Document) event.get("_id")).get("_data");
        position = token.substring(0, token.length() - 2) + "01";
        Document invalidate = new Document("_id", new Document("_data", position)).append("operationType", "invalidate");
        return invalidate.append("clusterTime", event.get("clusterTime")).append("wallTime", event.get("wallTime"));
    }

    private boolean concerns(Document event) {
        Document ns = (Document) event.get("ns");
        return database == null || matches(ns) || matches((Document) event.get("to"))
            || (collection == null && "dropDatabase".equals(event.get("operationType")) && database.equals(ns.get("db")));
    }

    private boolean matches(Document ns) {
        return ns != null && database.equals(ns.get("db")) && (collection == null || collection.equals(ns.get("coll")));
    }

    private boolean ends(Document event) {
        Object type = event.get("operationType");
        if (database == null) return false;
        if (collection == null) return "dropDatabase".equals(type);
        return "drop".equals(type) || "rename".equals(type);
    }

    private Document reply(String name, List<Document> events) {
        String namespace = (database == null ? "admin" : database) + "." + (collection == null ? "$cmd.aggregate" : collection);
        Document cursor = new Document(name, events).append("postBatchResumeToken", new Document("_data", position));
        return StreamServer.ok().append("cursor", cursor.append("id", closed ? 0L : id).append("ns", namespace));
    }
}
