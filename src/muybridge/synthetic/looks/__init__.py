"""What people look like before they dress: body, face, skin, eyes, hair, beards and hats."""
