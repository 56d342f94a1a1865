import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const MUTATIONS = fileURLToPath(new URL('./', import.meta.url));

/** R1–R29: what privacy requires. P1–P14: what is promised about loss. */
export type RequirementId = `R${number}` | `P${number}`;

/** One way to break a requirement, and the test that has to notice. */
export interface Mutation {
  /** The patch's name without its ending: `R04-state`. */
  id: string;
  requirement: RequirementId;
  /** One sentence: what is wrong with the code once it is applied. */
  breaks: string;
  /** A test file, from the root of the tree. */
  test: string;
  /** A part of the title of the tests that go red; it names the requirement. */
  name: string;
  /** The patch file. */
  patch: string;
}

/** All of `test/mutations/*.patch`, in the order of the requirements. */
export function readMutations(folder = MUTATIONS): Mutation[] {
  const patches = readdirSync(folder).filter((file) => file.endsWith('.patch'));
  return patches.sort().map((file) => {
    const patch = `${folder}${file}`;
    return readMutation(file.slice(0, -'.patch'.length), patch, readFileSync(patch, 'utf8'));
  });
}

/** @throws with a sentence where the lines above the patch do not say what it is for. */
function readMutation(id: string, patch: string, text: string): Mutation {
  const said = new Map(
    [...text.matchAll(/^# (\w+): (.+)$/gm)].map(([, key = '', value = '']) => [key, value.trim()]),
  );
  const [requirement, breaks, test, name] = ['requirement', 'breaks', 'test', 'name'].map((key) => {
    const value = said.get(key);
    if (value === undefined) throw new Error(`${id}: has no line "# ${key}: …"`);
    return value;
  }) as [Mutation['requirement'], string, string, string];
  if (id.split('-')[0] !== requirement.replace(/^([RP])(\d)$/, '$10$2')) {
    throw new Error(`${id}: is named after another requirement than ${requirement}`);
  }
  return { id, requirement, breaks, test, name, patch };
}
