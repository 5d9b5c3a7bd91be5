"""What the staff needs and a student must not see; `ece662` never imports from here."""
