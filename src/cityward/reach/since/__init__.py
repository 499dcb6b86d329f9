"""What changed between two declarations: who can newly read what, who no longer can, which flows came and went."""
