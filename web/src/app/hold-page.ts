/**
 * Hides what lies over the page and empties every field with a secret: who comes back may be somebody else. The title
 * and the focus are given back by what it returns.
 */
export function holdPage(): () => void {
  const { title, activeElement } = document;
  const overlays = document.getElementById('overlays');
  overlays?.classList.add('held');
  overlays?.setAttribute('inert', '');
  for (const field of document.querySelectorAll<HTMLInputElement>('input[data-secret]')) {
    field.value = '';
  }
  return () => {
    overlays?.classList.remove('held');
    overlays?.removeAttribute('inert');
    document.title = title;
    // Once the page can be focused again.
    requestAnimationFrame(() => {
      if (activeElement instanceof HTMLElement) activeElement.focus();
    });
  };
}
