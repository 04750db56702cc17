import { Modal, type ModalProps } from '@mantine/core';
import { useEffect } from 'react';
import { rememberOpener } from './focus-return';

/**
 * A dialog that is there as long as it is rendered. When it goes, the focus returns to what opened it, which the kit
 * does only for dialogs that stay.
 */
export function Dialog({ children, ...props }: Omit<ModalProps, 'opened' | 'closeButtonProps'>) {
  useEffect(rememberOpener, []);
  return (
    <Modal opened returnFocus={false} closeButtonProps={{ 'aria-label': 'Close' }} {...props}>
      {children}
    </Modal>
  );
}
