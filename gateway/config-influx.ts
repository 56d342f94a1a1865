import { z } from 'zod';

/** InfluxDB 1.x: where the time series go. `aisle influx setup` makes the database as this says. */
export const influxSchema = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
    .refine(isBare, 'must be scheme, host and port alone, for example http://127.0.0.1:8086'),
  database: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'must be 1 to 64 of A-Z a-z 0-9 _, and begin with no digit')
    .default('aisle'),
  userName: z.string().min(1).optional(),
  passwordFile: z.string().optional(),
  /** The certificate of the authority that signed the server's, PEM. */
  ca: z.string().optional(),
  /** Points are kept so long as they were written … */
  rawDays: z.number().int().min(1).max(400).default(14),
  /** … and so long summed up by five minutes. */
  keepDays: z.number().int().min(1).max(4_000).default(400),
});

export type InfluxConfig = z.infer<typeof influxSchema>;

/** The path is the library's, and a password here would stand in every log. */
function isBare(text: string): boolean {
  // What is no URL at all was told already.
  if (!URL.canParse(text)) return true;
  const { pathname, search, username, password } = new URL(text);
  return pathname === '/' && search + username + password === '';
}
