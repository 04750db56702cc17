/** What was pressed last, and what was pressed last outside of any dialog: the opener of the next one. */
let pressed: HTMLElement | null = null;
let opener: HTMLElement | null = null;

// A button that is busy is disabled and loses the focus before anything can ask who had it.
document.addEventListener(
  'click',
  ({ target }) => {
    const control = pressedBy(target);
    if (control === null) return;
    pressed = control;
    if (!isInDialog(control)) opener = control;
  },
  true,
);

/** For an action: the focus returns to what set it off, or to the field that the failure is about. */
export function rememberPressed(): () => void {
  return returnTo(pressed);
}

/** For a dialog: the focus returns to what opened it, also when one dialog led to another. */
export function rememberOpener(): () => void {
  const control = opener;
  const giveBack = returnTo(control);
  // What is still busy gives the focus back itself, once it can have it.
  return () => {
    if (control?.matches('[data-loading]') !== true) giveBack();
  };
}

/**
 * What it returns gives the focus back, unless something else has it by then: to the control, when its row is gone to
 * the same one of a neighbour, and when there is none to the dialog or page.
 */
function returnTo(control: HTMLElement | null): () => void {
  const form = control?.closest('form');
  const around = control?.closest('[aria-modal=true]') ?? null;
  const neighbours = neighboursOf(control);
  return () => {
    // Once what was pressed is enabled again, and what closes is gone.
    setTimeout(() => {
      forgetWhatIsGone();
      const wrong = form?.querySelector<HTMLElement>('[aria-invalid=true]');
      // A dialog that is gone gives the focus back itself.
      if (isTaken(wrong == null ? null : form) || around?.isConnected === false) return;
      const dialog = document.querySelector<HTMLElement>('[aria-modal=true]');
      const candidates = [
        wrong,
        control,
        ...neighbours.map((find) => find()),
        dialog?.querySelector<HTMLElement>('[data-autofocus]'),
        dialog ?? document.getElementById('main'),
      ];
      candidates.some((candidate) => takesFocus(candidate, dialog));
    });
  };
}

/** A button that is gone would keep its whole form in memory, with the secret that was typed there. */
function forgetWhatIsGone(): void {
  if (pressed?.isConnected === false) pressed = null;
  if (opener?.isConnected === false) opener = null;
}

/** For an item of a menu, the button whose menu it is. */
function pressedBy(target: EventTarget | null): HTMLElement | null {
  if (!(target instanceof Element)) return null;
  const menu = target.closest('[role=menu]');
  if (menu !== null) return document.querySelector(`[aria-controls="${CSS.escape(menu.id)}"]`);
  return target.closest<HTMLElement>('a, button');
}

/** The control at the same place of the next row, and of the one before. */
function neighboursOf(control: HTMLElement | null): (() => HTMLElement | undefined)[] {
  const row = control?.closest('tr, section') ?? null;
  if (control === null || row === null) return [];
  const index = controlsOf(row).indexOf(control);
  const siblings = [row.nextElementSibling, row.previousElementSibling];
  return siblings.map((sibling) => () => controlsOf(sibling)[index]);
}

function controlsOf(row: Element | null): HTMLElement[] {
  return Array.from(row?.querySelectorAll<HTMLElement>('a, button') ?? []);
}

/** Nothing behind a dialog does. */
function takesFocus(
  candidate: HTMLElement | null | undefined,
  dialog: HTMLElement | null,
): boolean {
  if (candidate == null || (dialog !== null && !dialog.contains(candidate))) return false;
  candidate.focus({ preventScroll: !isInDialog(candidate) });
  return document.activeElement === candidate;
}

/** A menu that closes takes its focus with it; in a form with a wrong field, that field is what matters. */
function isTaken(wrongForm: HTMLFormElement | null | undefined): boolean {
  const { activeElement } = document;
  if (activeElement === null || activeElement === document.body) return false;
  if (wrongForm?.contains(activeElement) === true) return false;
  return activeElement.closest('[role=menu]') === null;
}

function isInDialog(element: Element): boolean {
  return element.closest('[aria-modal=true]') !== null;
}
