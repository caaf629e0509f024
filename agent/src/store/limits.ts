/** Apart, so that it can be known before there is a store. */
export const DEFAULT_MAX_SERIES = 2_000
