/** Values that are asked for before they are there, by name. */
export interface Later<T> {
  put(name: string, value: T): void;
  get(name: string): Promise<T>;
}

export function later<T>(): Later<T> {
  const here = new Map<string, T>();
  const asked = new Map<string, ((value: T) => void)[]>();
  return {
    put(name, value) {
      here.set(name, value);
      for (const give of asked.get(name) ?? []) give(value);
      asked.delete(name);
    },
    get: (name) =>
      new Promise((resolve) => {
        const value = here.get(name);
        if (value !== undefined) resolve(value);
        else asked.set(name, [...(asked.get(name) ?? []), resolve]);
      }),
  };
}
