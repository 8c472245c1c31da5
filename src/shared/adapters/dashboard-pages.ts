/** What pages beside Bull Board come from: they know what to show, the server who may see it. */
export interface Pages {
  /**
   * The answer to a GET of a path, as it came, without its query; `undefined` where there is nothing. `viewer` is who looks, where a
   * login tells. What it throws is answered by 500.
   */
  answer(path: string, viewer: string | undefined): Promise<PageAnswer | undefined>;
}

export interface PageAnswer {
  readonly status: 200 | 404;
  /** Content-Type. */
  readonly type: string;
  readonly body: string;
}

/** Path of Bull Board; everything of it is below. */
export const BASE_PATH = '/queues';

/** Path of the picture of `LOGO`. */
export const LOGO_PATH = '/logo.svg';

/** A lake, seen from the side: three layers under a roof of the house. */
export const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0b7285"/><g fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round"><path d="M6 11q5-4 10 0t10 0"/><path d="M6 17q5-4 10 0t10 0" opacity=".8"/><path d="M6 23q5-4 10 0t10 0" opacity=".6"/></g></svg>`;
