"""The room of `scramble verify`: what is finished (`lock`), executed once more (`rerun`), compared (`compare`), and
experiments whose outcome is known beforehand (`controls`)."""
