/** Read where `-c` is not given. */
export const DEFAULT_CONFIG_FILE = 'mongolake.yaml';

/** Where `init` puts tables if it is not said. */
export const DEFAULT_TABLE = 'file:./lake/{collection}';
