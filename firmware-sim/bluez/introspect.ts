import { INTERFACES } from './interfaces.ts';

const HEAD =
  '<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"\n' +
  '"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">\n';

/** What Introspect answers for an object with these interfaces and children. */
export function introspection(interfaces: readonly string[], children: readonly string[]): string {
  const nodes = children.map((name) => `<node name="${name}"/>`);
  return `${HEAD}<node>${interfaces.map(interfaceXml).join('')}${nodes.join('')}</node>`;
}

function interfaceXml(name: string): string {
  const { methods, properties, signals = {} } = INTERFACES[name] ?? { methods: {}, properties: {} };
  const members = [
    ...Object.entries(methods).map(
      ([member, [takes, gives]]) =>
        `<method name="${member}">${args(takes, ' direction="in"')}${args(gives, ' direction="out"')}</method>`,
    ),
    ...Object.entries(signals).map(
      ([member, signature]) => `<signal name="${member}">${args(signature, '')}</signal>`,
    ),
    ...Object.entries(properties).map(
      ([member, [signature, access]]) =>
        `<property name="${member}" type="${signature}" access="${access}"/>`,
    ),
  ];
  return `<interface name="${name}">${members.join('')}</interface>`;
}

function args(signature: string, direction: string): string {
  return completeTypes(signature)
    .map((type) => `<arg type="${type}"${direction}/>`)
    .join('');
}

/** `oa{sa{sv}}` → `o`, `a{sa{sv}}`: the single complete types of a signature. */
function completeTypes(signature: string): string[] {
  const types: string[] = [];
  let start = 0;
  let depth = 0;
  for (let i = 0; i < signature.length; i++) {
    const c = signature[i] ?? '';
    if ('({'.includes(c)) depth++;
    if (')}'.includes(c)) depth--;
    if (depth > 0 || c === 'a') continue;
    types.push(signature.slice(start, i + 1));
    start = i + 1;
  }
  return types;
}
