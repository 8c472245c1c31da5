import type { Document } from 'bson';
import type { FakeEvent, Harness } from './table-harness.ts';

/** A collection with a stream: what is done to it is told there. */
export class LiveCollection {
  readonly documents = new Map<unknown, Document>();
  readonly events: FakeEvent[] = [];
  private at = 100;

  constructor(private readonly house: Harness) {
    house.collection.events = this.events;
  }

  put(document: Document): void {
    this.documents.set(document._id, document);
    this.tell(document._id);
  }

  remove(_id: unknown): void {
    if (this.documents.delete(_id)) this.tell(_id);
  }

  /** Something that is no change of a document. */
  end(ends: string): void {
    this.at += 1;
    this.events.push({ at: this.at, ends });
  }

  /** What came so far is no longer there. */
  forget(): void {
    this.at += 1;
    this.house.collection.oldest = this.at + 1;
    this.events.length = 0;
    this.events.push({ at: this.at + 1 });
    this.at += 2;
  }

  /** Seconds go by in which others are written to. */
  pass(seconds: number): void {
    this.at += seconds * 2 ** 32;
    this.events.push({ at: this.at, isOther: true });
  }

  get position(): string {
    return String(this.at);
  }

  private tell(_id: unknown): void {
    this.at += 1;
    this.events.push({ at: this.at, _id });
    this.house.collection.documents = [...this.documents.values()];
  }
}
