import { useUiBench } from './support/ui-suite';

const CODE = 'globalThis.pwned=1';

/** Texts that become more than text wherever somebody puts them together into markup, a URL or a script. */
const PAYLOADS = [
  `<script>${CODE}</script>`,
  `<img src=x onerror=${CODE}>`,
  `<svg onload=${CODE}>`,
  `<svg><script>${CODE}</script></svg>`,
  `<iframe srcdoc="<script>parent.pwned=1</script>">`,
  `<iframe src="javascript:parent.pwned=1">`,
  `<body onload=${CODE}>`,
  `<details open ontoggle=${CODE}>`,
  `<input autofocus onfocus=${CODE}>`,
  `<select autofocus onfocus=${CODE}>`,
  `<video><source onerror=${CODE}>`,
  `<audio src=x onerror=${CODE}>`,
  `<a href="javascript:${CODE}">x</a>`,
  `<form action="javascript:${CODE}"><button>x</button></form>`,
  `<math><mtext><table><mglyph><style><img src=x onerror=${CODE}>`,
  `<noscript><p title="</noscript><img src=x onerror=${CODE}>">`,
  `<template><script>${CODE}</script></template>`,
  `<object data="data:text/html,<script>parent.pwned=1</script>">`,
  `<embed src="javascript:${CODE}">`,
  `<link rel=stylesheet href="javascript:${CODE}">`,
  `<style>@import 'javascript:${CODE}';</style>`,
  `<meta http-equiv=refresh content="0;url=javascript:${CODE}">`,
  `"><script>${CODE}</script>`,
  `' onmouseover='${CODE}`,
  `" autofocus onfocus="${CODE}`,
  `</title><script>${CODE}</script>`,
  `</textarea><script>${CODE}</script>`,
  `--><script>${CODE}</script>`,
  `]]><script>${CODE}</script>`,
  `javascript:${CODE}//\${${CODE}}{{constructor.constructor('${CODE}')()}}`,
];

describe('text of others in the web UI', () => {
  const bench = useUiBench();

  beforeAll(async () => {
    await bench().saveKey({ label: 'upstream' });
    for (const [index, payload] of PAYLOADS.entries()) {
      await bench().saveKey({ label: payload });
      await bench().call('POST', 'tokens', { name: payload, role: 'viewer', agentId: payload });
      await bench().call('POST', 'executions', {
        agentId: payload,
        provider: 'echo',
        model: index % 2 === 0 ? 'echo' : 'tool',
        messages: [{ role: 'user', content: payload }],
        metadata: { [`name ${payload}`]: payload },
      });
      bench().upstream.script([{ status: 400, code: payload, message: payload, type: payload }]);
      await bench().call('POST', 'executions', {
        agentId: payload,
        provider: 'openai',
        model: payload,
        messages: [{ role: 'user', content: payload }],
      });
    }
  });

  it('is 30 payloads', () => {
    expect(new Set(PAYLOADS).size).toBe(30);
  });

  it.each(['keys', 'executions', 'settings/tokens', 'settings/audit'])(
    'stays text in the list of %s',
    async (path) => {
      const { page } = await bench().openSignedIn(bench().path(path));
      await page.getByRole('row', { name: /pwned/ }).first().waitFor();
      expect(await page.evaluate(foreignElements)).toEqual([]);
    },
  );

  it('stays text in every execution', async () => {
    const { data } = await bench().call<{ data: { id: string; agentId: string }[] }>(
      'GET',
      'executions?limit=100',
    );
    expect(data).toHaveLength(2 * PAYLOADS.length);
    const { page } = await bench().openSignedIn('/');
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    for (const { id, agentId } of data) {
      await page.goto(bench().path(`executions/${id}`));
      await page.getByRole('dialog').getByText(agentId).first().waitFor();
      expect([agentId, await page.evaluate(foreignElements)]).toEqual([agentId, []]);
    }
  });

  it('stays text in dialogs, in the playground and in the address', async () => {
    const watched = await bench().openSignedIn('/');
    watched.expect(/status of (400|404)/);
    const { page } = watched;
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    for (const payload of PAYLOADS) {
      const text = encodeURIComponent(payload);
      await page.goto(bench().path(`playground?provider=echo&model=${text}&agentId=${text}`));
      await page.getByLabel('Message').fill(payload);
      await page.getByText('The same from a shell').waitFor();
      expect([payload, await page.evaluate(foreignElements)]).toEqual([payload, []]);
      await page.goto(`${bench().path('executions')}?status=${text}&from=${text}#${text}`);
      await page.getByRole('alert').first().waitFor();
      expect([payload, await page.evaluate(foreignElements)]).toEqual([payload, []]);
    }
  });
});

/** What no page of ours has; with a mark of whether a payload ran. */
function foreignElements(): string[] {
  const foreign =
    'iframe, object, embed, video, audio, math, details, select, img, template, ' +
    'meta[http-equiv], [onerror], [onload], [onfocus], [onmouseover], [ontoggle], ' +
    'a[href^="javascript" i], script:not([src]), form[action]';
  const found = Array.from(document.querySelectorAll(foreign), (element) => element.outerHTML);
  return 'pwned' in globalThis ? ['a payload ran', ...found] : found;
}
