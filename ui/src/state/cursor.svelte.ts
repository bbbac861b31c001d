/** The one time cursor that all rows of both lenses share; unix seconds, null when nobody points. */
export const cursor: { time: number | null } = $state({ time: null });

/** The target that the reader points at, shared by plane and table. */
export const pointed: { id: string | null } = $state({ id: null });
