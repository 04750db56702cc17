/** What an inline `<style>` must carry so that the browser applies it. The server writes it into the page. */
export const styleNonce =
  document.querySelector('meta[name="style-nonce"]')?.getAttribute('content') ?? '';

// react-remove-scroll, which Mantine's modals use, takes it from here.
Object.assign(globalThis, { __webpack_nonce__: styleNonce });
