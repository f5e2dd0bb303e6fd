# Requests that are more than one system call: groups, too.

use strict;
use warnings;
use Test::More;
use Errno qw(EACCES EEXIST EINVAL EISDIR ENOENT ENOTDIR);
use lib 't/lib';
use Tester;

use POSIX ();
use IO::AIO;

my $name = put(file('file'), join '', map "$_\n", 1 .. 10_000);
my $whole = content($name);

# load
{
    my $data = 'old';
    is(of { aio_load $name, $data, $_[0] }, length $whole, 'load');
    is($data, $whole, 'all of it');
    is(of { aio_load '/proc/self/status', $data, $_[0] }, length $data, 'from procfs');
    like($data, qr/^Name:/, 'as well');
    $data = 'old';
    is(of { aio_load file('none'), $data, $_[0] }, -1, 'nothing');
    errno_is(ENOENT, 'ENOENT');
    is($data, 'old', 'stays');
    isa_ok(aio_load($name, $data), 'IO::AIO::GRP');
    is(eval { $data = ''; 1 }, undef, 'read-only meanwhile');
    IO::AIO::flush;
    is(eval { $data = ''; 1 }, 1, 'and not any more');
    my %slots;
    aio_load $name, $slots{$_}, sub { } for 1 .. 3;
    IO::AIO::flush;
    is($slots{3}, $whole, 'into slots');
    put(file('empty'), '');
    is(of { aio_load file('empty'), $data, $_[0] }, 0, 'nothing in it');
    is($data, '', 'nothing');
    is(of { aio_load dir, $data, $_[0] }, -1, 'a directory');
    errno_is(EISDIR, 'EISDIR');
}

# slurp
{
    my $data;
    is(of { aio_slurp $name, 0, 0, $data, $_[0] }, length $whole, 'slurp');
    is($data, $whole, 'all of it');
    is(of { aio_slurp $name, 4, 6, $data, $_[0] }, 6, 'a part');
    is($data, substr($whole, 4, 6), 'that one');
    is(of { aio_slurp $name, -6, 0, $data, $_[0] }, 6, 'the end');
    is($data, substr($whole, -6), 'that one');
    is(of { aio_slurp $name, -6, 3, $data, $_[0] }, 3, 'a part of it');
    is($data, substr($whole, -6, 3), 'that one');
    is(of { aio_slurp $name, 10_000_000, 0, $data, $_[0] }, 0, 'beyond the end');
    is($data, '', 'nothing');
    is(of { aio_slurp '/proc/self/status', 0, 0, $data, $_[0] }, length $data, 'from procfs');
    like($data, qr/^Name:/, 'as well');
    is(of { aio_slurp $name, -10_000_000, 2, $data, $_[0] }, 2, 'from before the start');
    is($data, '1' . "\n", 'is from the start');
    $data = 'old';
    is(of { aio_slurp file('none'), 0, 0, $data, $_[0] }, -1, 'nothing');
    errno_is(ENOENT, 'ENOENT');
    is($data, 'old', 'stays');
    $data .= '!';
    is($data, 'old!', 'an ordinary scalar');
}

# copy
{
    chmod 0640, $name;
    utime 1e9, 1e9, $name;
    is(of { aio_copy $name, file('copy'), $_[0] }, 0, 'copy');
    is(content(file('copy')), $whole, 'the same contents');
    is((stat file('copy'))[2], (stat $name)[2], 'mode');
    is((stat file('copy'))[9], 1e9, 'time');
    put(file('longer'), 'x' x 100_000);
    is(of { aio_copy $name, file('longer'), $_[0] }, 0, 'over another');
    is(content(file('longer')), $whole, 'the same contents');
    # What is there is written into, whatever it is.
    chmod 0600, file('longer');
    my $inode = (stat file('longer'))[1];
    link file('longer'), file('hard') or die;
    symlink 'longer', file('to_longer') or die;
    put(file('longer'), 'x' x 100_000);
    is(of { aio_copy $name, file('to_longer'), $_[0] }, 0, 'to a link');
    ok(-l file('to_longer'), 'the link stays');
    is(content(file('hard')), $whole, 'the other hard link has it as well');
    is((stat file('longer'))[1], $inode, 'the same file');
    is((stat file('longer'))[2] & 07777, 0600, 'with its mode');
    POSIX::mkfifo(file('fifo'), 0600) or die;
    sysopen my $reader, file('fifo'), POSIX::O_RDONLY() | POSIX::O_NONBLOCK() or die;
    is(of { aio_copy $name, file('fifo'), $_[0] }, 0, 'to a FIFO');
    ok(-p file('fifo'), 'the FIFO stays');
    is(sysread($reader, my $got, 1 << 20), length $whole, 'its reader has it');
    open my $target, '+>', file('open') or die;
    is(of { aio_copy $name, '/proc/self/fd/' . fileno $target, $_[0] }, 0, 'to an open file');
    is(content(file('open')), $whole, 'it has the contents');
    close $_ for $reader, $target;
    my $before = aio_files;
    is(of { aio_copy file('none'), file('copy2'), $_[0] }, -1, 'nothing');
    errno_is(ENOENT, 'ENOENT');
    ok(!-e file('copy2'), 'makes nothing');
    is(of { aio_copy $name, file('none/copy'), $_[0] }, -1, 'to nowhere');
    errno_is(ENOENT, 'ENOENT');
    is(of { aio_copy dir, file('copy2'), $_[0] }, -1, 'a directory');
    errno_is(EISDIR, 'EISDIR');
    is(aio_files, $before, 'no descriptor lost');
    isa_ok(aio_copy($name, file('copy3')), 'IO::AIO::GRP');
    IO::AIO::flush;
    ok(-e file('copy3'), 'without a callback');
}

# move
{
    is(of { aio_move file('copy'), file('moved'), $_[0] }, 0, 'move');
    ok(!-e file('copy'), 'gone');
    is(content(file('moved')), $whole, 'and there');
    is(of { aio_move file('copy'), file('moved'), $_[0] }, -1, 'again');
    errno_is(ENOENT, 'ENOENT');
    is(content(file('moved')), $whole, 'still there');
  SKIP: {
        my $other = "/dev/shm/ioaio-$$";
        skip 'no other file system', 3 unless -w '/dev/shm' && (stat '/dev/shm')[0] != (stat dir)[0];
        is(of { aio_move file('moved'), $other, $_[0] }, 0, 'to another file system');
        ok(!-e file('moved'), 'gone');
        is(content($other), $whole, 'and there');
        unlink $other;
    }
}

# scandir
{
    my $dir = file('scan');
    mkdir $_ or die $! for $dir, "$dir/d1", "$dir/d2";
    put("$dir/$_", '') for qw(f1 f2.c .f3);
    symlink 'd1', "$dir/link";
    my ($dirs, $others) = of { aio_scandir $dir, 0, $_[0] };
    is_deeply([sort @$dirs], [qw(d1 d2)], 'directories');
    is_deeply([sort @$others], [qw(.f3 f1 f2.c link)], 'and the rest');
    my @got = of { aio_scandir file('none'), 4, $_[0] };
    is(scalar @got, 0, 'nothing after an error');
    errno_is(ENOENT, 'ENOENT');
    @got = of { aio_scandir "$dir/f1", 4, $_[0] };
    is(scalar @got, 0, 'of a file');
    errno_is(ENOTDIR, 'ENOTDIR');
    ($dirs, $others) = of { aio_scandir "$dir/link", 4, $_[0] };
    is_deeply([@$dirs, @$others], [], 'through a link');
    isa_ok(aio_scandir($dir, 0), 'IO::AIO::GRP');
    my $wd = of { aio_wd $dir, $_[0] };
    ($dirs, $others) = of { aio_scandir $wd, 0, $_[0] };
    is(@$dirs + @$others, 6, 'of a directory object');
    IO::AIO::flush;
}

# rmtree
{
    my $dir = file('tree');
    my $outside = put(file('outside'), 'stays');
    my $make = sub {
        mkdir $_ or die "$_: $!" for $dir, map "$dir/$_", qw(a a/b a/b/c d);
        put("$dir/$_", '') for qw(f a/f a/b/f a/b/c/f);
        symlink $outside, "$dir/link";
        symlink dir, "$dir/d/link";
    };
    $make->();
    is(of { aio_rmtree $dir, $_[0] }, 0, 'rmtree');
    ok(!-e $dir, 'gone');
    is(content($outside), 'stays', 'what links point to stays');
    is(of { aio_rmtree $dir, $_[0] }, -1, 'again');
    errno_is(ENOENT, 'ENOENT');
    $make->();
    my $wd = of { aio_wd dir, $_[0] };
    is(of { aio_rmtree [$wd, 'tree'], $_[0] }, 0, 'below a directory object');
    ok(!-e $dir, 'gone');
    $make->();
    my $self = of { aio_wd $dir, $_[0] };
    is(of { aio_rmtree $self, $_[0] }, 0, 'a directory object itself');
    ok(!-e $dir, 'gone');
    $make->();
    my $grp = aio_rmtree $dir;
    isa_ok($grp, 'IO::AIO::GRP');
    my $added = 0;
    add $grp aio_nop sub { $added++ };
    IO::AIO::flush;
    is($added, 1, 'a member more');
    ok(!-e $dir, 'gone');
    $make->();
    my $ran = 0;
    $grp = aio_rmtree $dir, sub { $ran++ };
    $grp->cancel;
    IO::AIO::flush;
    is($ran, 0, 'cancelled');
    of { aio_rmtree $dir, $_[0] } if -e $dir;
    ok(!-e $dir, 'gone in the end');
}

# in groups
{
    my @got;
    my $grp = aio_group sub { push @got, 'end' };
    add $grp aio_load $name, my $data, sub { push @got, 'load' };
    add $grp aio_scandir dir, 0, sub { push @got, 'scan' };
    IO::AIO::flush;
    is($got[-1], 'end', 'the group ends last');
    is(scalar @got, 3, 'all are called');
}

done_testing;
