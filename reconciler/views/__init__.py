"""What people and programs see: one small file per form. A view shows values and events; it decides nothing."""
