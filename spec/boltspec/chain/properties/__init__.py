"""What an honest party can count on in the chain world, whatever its peer, the miners and the chain do."""
