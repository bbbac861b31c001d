import { parse } from 'svelte/compiler';
import { describe, expect, it } from 'vitest';
import guide from '../../docs/guide/numbers.md?raw';
import { NUMBERS } from './numbers';

const pages = import.meta.glob<string>('./**/*.svelte', { query: '?raw', import: 'default', eager: true });
const modules = import.meta.glob<string>(['./**/*.ts', '!./**/*.test.ts', '!./numbers.ts', '!./api/**'], { query: '?raw', import: 'default', eager: true });

/** What of `format.ts` makes a number. Times and spans of time make none: they promise nothing. */
const FORMATS = ['fixed', 'count', 'large', 'rough', 'given', 'givenSeconds', 'givenPercent', 'percent', 'seconds', 'usd', 'bytes', 'estimate', 'share', 'evidence', 'plural', 'pValue'];
const METHODS = ['toFixed', 'toLocaleString', 'toPrecision', 'round'];

type Node = { type: string; [key: string]: unknown };
const isNode = (x: unknown): x is Node => typeof x === 'object' && x !== null && typeof (x as Node).type === 'string';

function children(node: Node): Node[] {
  return Object.entries(node)
    .filter(([key]) => !(key === 'property' && !node['computed']) && !(key === 'key' && node.type === 'Property'))
    .flatMap(([, value]) => (Array.isArray(value) ? value : [value]))
    .filter(isNode);
}
const some = (node: Node, holds: (n: Node) => boolean): boolean => holds(node) || children(node).some((child) => some(child, holds));
const names = (pattern: unknown): string[] =>
  !isNode(pattern) ? [] : pattern.type === 'Identifier' ? [pattern['name'] as string] : children(pattern).flatMap(names);

/** Modules whose functions make texts with numbers in them. */
const speaking: string[] = (() => {
  const found = Object.entries(modules).filter(([, text]) => {
    const imported = /import \{([^}]*)\} from '\.\.?\/format'/.exec(text)?.[1] ?? '';
    return imported.split(',').some((name) => FORMATS.includes(name.trim().split(' ')[0] ?? ''));
  });
  return found.map(([path]) => path.replace(/^.*\//, '').replace(/\.ts$/, ''));
})();

/** The names that a component imports and that make numbers. */
function makers(source: string): Set<string> {
  const found = new Set<string>();
  for (const [, list = '', from = ''] of source.matchAll(/import \{([^}]*)\} from '([^']+)'/g)) {
    const module = from.replace(/^.*\//, '');
    for (const item of list.split(',')) {
      const [name = '', alias = name] = item.trim().replace(/^type /, '').split(' as ');
      // A constant is no number of its own.
      if (module === 'format' ? FORMATS.includes(name) : speaking.includes(module) && /^[a-z]/.test(name)) found.add(alias);
    }
  }
  return found;
}

interface Use {
  keys: string[];
  bare: string[];
  untyped: string[];
}

/** The keys that a component names, and the numbers in it that stand in no element with a key. */
function uses(source: string): Use {
  const ast = parse(source, { modern: true }) as unknown as { instance: Node | null; fragment: Node };
  const known = makers(source);
  const makes = (node: Node) =>
    some(node, (n) => {
      if (n.type === 'Identifier') return known.has(n['name'] as string);
      const callee = n.type === 'CallExpression' ? (n['callee'] as Node) : null;
      return callee?.type === 'MemberExpression' && METHODS.includes((callee['property'] as Node)['name'] as string);
    });
  // Names of the script that hold numbers; twice, for those that stand on later ones.
  for (let round = 0; round < 2; round += 1) {
    if (ast.instance)
      some(ast.instance, (n) => {
        if (n.type === 'VariableDeclarator' && isNode(n['init']) && makes(n['init'])) names(n['id']).forEach((name) => known.add(name));
        return false;
      });
  }
  const use: Use = { keys: [], bare: [], untyped: [] };
  const text = (node: Node) => source.slice(node['start'] as number, node['end'] as number).replace(/\s+/g, ' ').slice(0, 90);
  const walk = (node: Node, covered: boolean) => {
    if (node.type === 'ConstTag') {
      some(node, (n) => {
        if (n.type === 'VariableDeclarator' && isNode(n['init']) && makes(n['init'])) names(n['id']).forEach((name) => known.add(name));
        return false;
      });
      return;
    }
    if (node.type === 'EachBlock' && isNode(node['expression']) && makes(node['expression'])) names(node['context']).forEach((name) => known.add(name));
    if ((node.type === 'ExpressionTag' || node.type === 'RenderTag') && !covered && makes(node['expression'] as Node)) use.bare.push(text(node));
    let inside = covered;
    for (const attribute of (node['attributes'] as Node[] | undefined) ?? []) {
      if (attribute['name'] !== 'data-number') continue;
      inside = true;
      const value = attribute['value'];
      const only = Array.isArray(value) ? value[0] : value;
      if (isNode(only) && only.type === 'Text') use.keys.push(...(only['data'] as string).split(' '));
      else if (!/^\{number\(.*\)\}$/.test(isNode(only) ? text(only) : '')) use.untyped.push(text(attribute));
    }
    for (const [key, value] of Object.entries(node)) {
      if (key === 'attributes' || key === 'expression') continue;
      (Array.isArray(value) ? value : [value]).filter(isNode).forEach((child) => walk(child, inside));
    }
  };
  walk(ast.fragment, false);
  return use;
}

interface Entry {
  key: string;
  promise: string;
  breaks: string;
}

/** Rows of the guide: an anchor with the key, the number's name, what it promises, what breaks it. */
function entries(text: string): Entry[] {
  const row = /^\| <a id="([a-z0-9-]+)"><\/a>([^|]+)\|([^|]+)\|([^|]+)\|$/gm;
  return [...text.matchAll(row)].map(([, key = '', , promise = '', breaks = '']) => ({ key, promise: promise.trim(), breaks: breaks.trim() }));
}

describe('every number on the page', { timeout: 60_000 }, () => {
  const scanned = Object.entries(pages).map(([path, source]) => ({ path, ...uses(source) }));

  it('stands in an element that names its key', () => {
    const bare = scanned.flatMap((file) => file.bare.map((what) => `${file.path}: ${what}`));
    expect(bare, 'wrap it in an element with data-number="KEY" (CONTRIBUTING.md, numbers on the page)').toEqual([]);
  });

  it('has a key that is listed and used', () => {
    expect(scanned.flatMap(({ path, untyped }) => untyped.map((what) => `${path}: ${what}`)), 'computed keys go through number()').toEqual([]);
    const used = scanned.flatMap(({ keys }) => keys);
    expect(used.filter((key) => !(NUMBERS as readonly string[]).includes(key)), 'add it to numbers.ts').toEqual([]);
    const text = Object.values(modules).join('\n');
    expect(NUMBERS.filter((key) => !used.includes(key) && !text.includes(`'${key}'`)), 'is shown nowhere').toEqual([]);
  });

  it('has an entry in the guide that says what it promises and what breaks it', () => {
    const found = entries(guide);
    expect(NUMBERS.filter((key) => !found.some((entry) => entry.key === key)), 'add a row to docs/guide/numbers.md').toEqual([]);
    expect(found.filter((entry) => !(NUMBERS as readonly string[]).includes(entry.key)).map(({ key }) => key), 'is shown nowhere').toEqual([]);
    expect(found.filter((entry) => entry.promise.length < 20 || entry.breaks.length < 8)).toEqual([]);
    expect(new Set(found.map(({ key }) => key)).size).toBe(found.length);
  });
});

describe('the scan itself', () => {
  it('sees a number without a key, however it is made', () => {
    const imports = `<script lang="ts">\n  import { count, estimate as say } from '../format';\n  import { spend } from './spend';\n  let { e, s } = $props();\n  const words = $derived(\`\${count(e.n)} judged\`);\n</script>\n`;
    const of = (markup: string) => uses(imports + markup).bare.length;
    expect(of('<p>{count(3)}</p>')).toBe(1);
    expect(of('<p>{words}</p>')).toBe(1);
    expect(of('<p>{spend(s)}</p>')).toBe(1);
    expect(of('{#if e}{@const said = say(e)}<b>{said.value}</b>{/if}')).toBe(1);
    expect(of('<b>{e.toFixed(2)}</b>')).toBe(1);
    expect(of('<p data-number="judged">{count(3)} <b>{words}</b></p>')).toBe(0);
    expect(of('<p title={words}>{e.name}</p>')).toBe(0);
  });

  it('reads the rows of the guide', () => {
    expect(entries('| <a id="x"></a>X | a promise of some kind | a lie |\n| y | z | w |')).toEqual([{ key: 'x', promise: 'a promise of some kind', breaks: 'a lie' }]);
  });
});
